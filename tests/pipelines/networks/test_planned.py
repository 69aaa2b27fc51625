"""Which files a prompt's networks are, and what is said of those that are not there."""

from pathlib import Path

import pytest

from pipelines.errors import ModelBroken
from pipelines.networks.infotext import lora_fields
from pipelines.networks.planned import NO_NETWORKS, PlannedNetworks, plan_networks
from pipelines.prompting.reading import take_networks
from tests.helpers.loras import Loras, lora_file

INK, WASH = (lora_file(Path(f"{name}.safetensors")) for name in ("ink", "wash, [fine]"))
CATALOG = Loras(INK, WASH)


def plan(text: str, *, catalog: Loras = CATALOG, hashes: bool = True) -> PlannedNetworks:
    _, tokens = take_networks(text)
    return plan_networks(tokens, catalog, with_hashes=hashes)


def test_each_is_looked_up_in_the_order_of_the_prompt():
    loras = plan("a <lora:wash, [fine]:0.5:0.2> <LYCO:ink:2:dyn=3>").loras
    assert [(lora.file, lora.text, lora.unet, lora.rank) for lora in loras] == [
        (WASH, 0.5, 0.2, None),
        (INK, 2.0, 2.0, 3),
    ]
    assert plan("a cat") is NO_NETWORKS


def test_the_strengths_of_one_that_is_named_twice_are_added_up():
    twice, other = plan("<lora:ink:0.5><lora:ink:0.25:1><lora:ink:1:dyn=2>").loras
    assert (twice.text, twice.unet, twice.rank) == (0.75, 1.5, None)
    assert (other.text, other.unet, other.rank) == (1.0, 1.0, 2)


def test_the_job_goes_on_without_what_there_is_not():
    planned = plan("<lora:a:1><lora:ink:1><lora:b:1><lora:a:2>")
    assert [lora.mentioned for lora in planned.loras] == ["ink"]
    assert planned.missing == ("a", "b")
    assert planned.notes == ("Lora not found: a, b.",)


def test_a_name_may_have_colons_where_no_shorter_one_is_a_file():
    catalog = Loras(
        *(lora_file(Path(f"{name}.safetensors")) for name in ("a:b", "墨:1:x", "c", "c:d"))
    )
    loras = plan("<lora:a:b:0.5:0.2><lora:墨:1:x><lora:c:0.5>", catalog=catalog).loras
    assert [(lora.mentioned, lora.text, lora.unet) for lora in loras] == [
        ("a:b", 0.5, 0.2),
        ("墨:1:x", 1.0, 1.0),
        ("c", 0.5, 0.5),
    ]
    assert lora_fields(plan("<lora:a:b:1>", catalog=catalog)) == {"Lora hashes": "ab: a:b-hash"}


def test_many_missing_names_make_one_short_note():
    (note,) = plan("".join(f"<lora:n{number}:1>" for number in range(2000))).notes
    assert note == "Lora not found: n0, n1, n2, n3, n4, and 1995 more."


def test_other_networks_are_left_out_and_said_to_be():
    planned = plan("<hypernet:soft:1><rune:x><lora:ink:much><lora:ink:1:lbw=IN>")
    assert planned.notes == (
        "Redraw applies no hypernetworks; left out: <hypernet:soft:1>.",
        "Redraw applies no networks of this kind; left out: <rune:x>.",
        "<lora:ink:much> is left out: 'much' is no strength.",
        "<lora:ink:1:lbw=IN>: lbw= counts for nothing.",
    )
    assert [lora.text for lora in planned.loras] == [1.0]


def test_a_file_that_is_not_opened_is_refused_with_the_reason():
    catalog = Loras(lora_file(Path("old.pt"), refused="old.pt is a Python pickle."))
    with pytest.raises(ModelBroken, match=r"^LoRA 'old' cannot be used: old.pt is a Python pickle"):
        plan("<lora:old:1>", catalog=catalog)


def test_the_infotext_names_hashes_and_what_was_missing():
    planned = plan("<lora:ink:1><lora:wash, [fine]:1><lora:gone, far:1><lora:ink:dyn=2>")
    assert lora_fields(planned) == {
        "Lora hashes": "ink: ink-hash, wash [fine]: wash, [fine]-hash",
        "Lora not found": "gone far",
    }
    assert lora_fields(plan("<lora:ink:1>", hashes=False)) == {}
    assert lora_fields(NO_NETWORKS) == {}


class Unreadable(Loras):
    """A catalogue whose files cannot be read."""

    def hash_of(self, file: object) -> str:
        raise OSError


def test_a_file_that_cannot_be_hashed_is_planned_all_the_same():
    (lora,) = plan("<lora:ink:1>", catalog=Unreadable(INK)).loras
    assert lora.short_hash == ""
