"""Where A1111's parameter text speaks of LoRAs."""

from dataclasses import replace
from pathlib import Path

from pipelines.infotext import parse, write
from pipelines.networks.planned import plan_networks
from pipelines.requests import Prompt
from tests.helpers.loras import Loras, lora_file
from tests.helpers.plans import plan_for


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
