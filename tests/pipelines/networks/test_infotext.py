"""Where A1111's parameter text speaks of LoRAs."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.infotext import parse, write
from pipelines.networks.infotext import with_local_names
from pipelines.networks.planned import plan_networks
from pipelines.requests import Prompt
from tests.helpers.loras import Loras, lora_file
from tests.helpers.plans import plan_for

HASHES = "ink: 0123456789ab, wash: 999999999999, short: 0"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a <lora:ink:0.5> b", "a <lora:Tusche v2:0.5> b"),
        ("<lyco:ink:1:te=2><lora:ink:1>", "<lyco:Tusche v2:1:te=2><lora:Tusche v2:1>"),
        ("<lora:wash:1>", "<lora:wash:1>"),
        ("<lora:short:1><lora:other:1>", "<lora:short:1><lora:other:1>"),
        ("<hypernet:ink:1>", "<hypernet:ink:1>"),
        ("<lora:Tusche v2:1>", "<lora:Tusche v2:1>"),
    ],
)
def test_a_lora_that_has_another_name_here_is_known_by_its_hash(prompt: str, expected: str):
    catalog = Loras(
        lora_file(Path("Tusche v2.safetensors"), digest="0123456789ab" + 52 * "0"),
        lora_file(Path("wash.safetensors")),
    )
    assert with_local_names(prompt, HASHES, catalog) == expected
    assert with_local_names(prompt, "", catalog) == prompt


def test_the_hashes_stand_behind_the_settings_and_can_be_read_back():
    prompt = Prompt(positive="a (cat) <lora:ink:0.5><lora:gone:1>")
    plan = plan_for(prompt=prompt, settings={"emphasis": "No norm"})
    catalog = Loras(lora_file(Path("ink.safetensors")))
    networks = plan_networks(plan.texts.networks, catalog, with_hashes=True)
    text = write(replace(plan, networks=networks), plan.images[0])
    assert text.startswith("a (cat) <lora:ink:0.5><lora:gone:1>\n")
    ours = 'Emphasis: No norm, Lora hashes: "ink: ink-hash", Lora not found: gone, Version'
    assert ours in text
    assert parse(text).fields["Lora hashes"] == "ink: ink-hash"
