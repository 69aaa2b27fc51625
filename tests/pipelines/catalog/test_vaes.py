"""Which VAEs there are, and which one a job gets."""

import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.catalog import vaes
from pipelines.catalog.checkpoints import Checkpoint, Layout
from pipelines.catalog.hashes import HashCache
from pipelines.catalog.vaes import Vaes
from pipelines.errors import ModelBroken, ModelNotFound
from pipelines.imaging.geometry import Size
from tests.helpers.models import write_safetensors


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A models folder with two VAEs and a checkpoint's place."""
    write_safetensors(tmp_path / "VAE" / "Sharp.safetensors", fill=1)
    write_safetensors(tmp_path / "VAE" / "more" / "soft.safetensors", fill=2)
    (tmp_path / "Stable-diffusion").mkdir()
    return tmp_path


def vaes_in(root: Path, *, allow_pickles: bool = False) -> Vaes:
    places = [root / "VAE"], [root / "Stable-diffusion"]
    return Vaes(*places, HashCache(root / "cache"), allow_pickles=allow_pickles)


def dreams_in(root: Path) -> Checkpoint:
    return Checkpoint(
        name="dreams",
        path=root / "Stable-diffusion" / "dreams.safetensors",
        layout=Layout.file,
        short_hash="",
        default_size=Size(512, 512),
    )


def chosen(root: Path, setting: str, *, overrides: bool = True) -> str | None:
    found = vaes_in(root).choose(dreams_in(root), setting, overrides=overrides)
    return found and found.name


def test_a_vae_is_called_as_its_file_is(root: Path):
    known = vaes_in(root)
    assert known.names() == ("soft.safetensors", "Sharp.safetensors")
    for name in ("Sharp.safetensors", "sharp.safetensors", " sharp "):
        found = known.find(name)
        assert found.name == "Sharp.safetensors"
        assert found.short_hash == hashlib.sha256(found.path.read_bytes()).hexdigest()[:10]


def test_one_that_is_not_there_is_named_along_with_what_is(root: Path):
    with pytest.raises(ModelNotFound, match=r"'x'; there are: soft\.safetensors, Sharp\."):
        vaes_in(root).find("x")


def test_one_that_went_away_or_is_damaged_is_refused(root: Path):
    known = vaes_in(root)
    (root / "VAE" / "Sharp.safetensors").write_bytes(b"no")
    with pytest.raises(ModelBroken, match=r"VAE Sharp\.safetensors cannot be used: .* not a whole"):
        known.find("sharp")
    (root / "VAE" / "Sharp.safetensors").unlink()
    with pytest.raises((ModelBroken, ModelNotFound), match=r"VAE Sharp\.safetensors cannot be"):
        known.find("sharp")


def test_a_pickle_needs_the_flag(root: Path):
    (root / "VAE" / "old.vae.pt").write_bytes(b"PK")
    with pytest.raises(ModelBroken, match="unless the program runs with --allow-pickle"):
        vaes_in(root).find("old.vae.pt")
    assert vaes_in(root, allow_pickles=True).find("old.vae.pt").name == "old.vae.pt"


def test_automatic_and_none_mean_the_checkpoints_own(root: Path):
    assert chosen(root, "Automatic") is None
    assert chosen(root, "None") is None


def test_the_setting_names_one(root: Path):
    assert chosen(root, "soft.safetensors") == "soft.safetensors"
    assert chosen(root, "soft.safetensors", overrides=False) == "soft.safetensors"


def test_automatic_takes_the_first_whose_name_begins_with_the_checkpoints(root: Path):
    write_safetensors(root / "Stable-diffusion" / "dreams.vae.safetensors")
    assert chosen(root, "Automatic") == "dreams.vae.safetensors"
    assert chosen(root, "soft.safetensors") == "soft.safetensors"
    assert chosen(root, "soft.safetensors", overrides=False) == "dreams.vae.safetensors"
    assert chosen(root, "None") is None
    assert chosen(root, "None", overrides=False) == "dreams.vae.safetensors"


def test_one_that_is_always_taken_comes_before_every_other(root: Path):
    always = write_safetensors(root / "elsewhere" / "always.safetensors")
    places = ([root / "VAE"], [root / "Stable-diffusion"])
    known = Vaes(*places, HashCache(root / "cache"), always=always)
    for setting in ("Automatic", "None", "sharp.safetensors"):
        chosen = known.choose(dreams_in(root), setting, overrides=True)
        assert chosen is not None
        assert chosen.path == always
    always.unlink()
    with pytest.raises((ModelBroken, ModelNotFound), match=r"VAE always\.safetensors cannot be"):
        known.choose(dreams_in(root), "Automatic", overrides=True)


def test_the_notes_beside_a_checkpoint_come_first(root: Path):
    write_safetensors(root / "Stable-diffusion" / "dreams.vae.safetensors")
    notes = root / "Stable-diffusion" / "dreams.json"
    notes.write_text(json.dumps({"vae": "Sharp.safetensors"}))
    assert chosen(root, "Automatic") == "Sharp.safetensors"
    assert chosen(root, "soft.safetensors") == "soft.safetensors"
    notes.write_text(json.dumps({"vae": "None"}))
    assert chosen(root, "Automatic") is None
    notes.write_text(json.dumps({"vae": "Automatic"}))
    assert chosen(root, "Automatic") == "dreams.vae.safetensors"


def test_a_pickle_beside_a_checkpoint_is_passed_over_without_the_flag(
    root: Path, caplog: pytest.LogCaptureFixture
):
    (root / "Stable-diffusion" / "dreams.vae.pt").write_bytes(b"PK")
    with caplog.at_level(logging.WARNING):
        assert chosen(root, "Automatic") is None
    assert "dreams.vae.pt is passed over" in caplog.text
    found = vaes_in(root, allow_pickles=True).choose(
        replace(dreams_in(root)), "Automatic", overrides=True
    )
    assert found is not None
    assert found.name == "dreams.vae.pt"


def test_a_large_one_is_hashed_beside_the_job(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(vaes, "_HASHED_AT_ONCE", 0)
    computed: list[Path] = []

    class Cache(HashCache):
        def compute(self, path: Path) -> str:
            computed.append(path)
            return ""

    known = Vaes([root / "VAE"], [], Cache(root / "cache"))
    assert known.find("sharp").short_hash == ""
    known.finish_hashing()
    assert computed == [root / "VAE" / "Sharp.safetensors"]
