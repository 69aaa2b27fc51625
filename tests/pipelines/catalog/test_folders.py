"""Where models are looked for."""

from pathlib import Path

import pytest

from pipelines.catalog.folders import PLACES, Kind, folders_for

OWN, MINE, EXTRA = Path("own/models"), Path("mine/models"), Path("disk/checkpoints")


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_place_with_extensions(kind: Kind):
    place = PLACES[kind]
    assert place.folders
    assert place.extensions
    assert all(ending.startswith(".") and ending.islower() for ending in place.extensions)


def test_the_built_in_folder_is_searched_last_and_always():
    found = folders_for(Kind.checkpoint, [MINE, OWN], extra=EXTRA)
    assert found == (EXTRA, MINE / "Stable-diffusion", OWN / "Stable-diffusion")


def test_a_folder_named_twice_is_searched_once():
    assert folders_for(Kind.vae, [OWN, OWN], extra=OWN / "VAE") == (OWN / "VAE",)


def test_kinds_with_several_folders_have_them_all():
    assert folders_for(Kind.lora, [OWN]) == (OWN / "Lora", OWN / "LyCORIS")
