"""The catalogue of LoRAs and embeddings: names, aliases, doubles, links, hashes, many files."""

import hashlib
import json
import logging
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import FolderNetworks, NetworkFile
from tests.helpers.network_files import write_network


def loras(*dirs: Path, cache: Path | None = None) -> FolderNetworks:
    return FolderNetworks(dirs, Kind.lora, cache)


def names(networks: FolderNetworks) -> list[str]:
    return [file.name for file in networks.files()]


def path_of(found: NetworkFile | None) -> Path | None:
    return found.path if found else None


def test_files_are_sorted_by_name_whatever_folder_they_are_in(tmp_path: Path):
    for name in ("b", "style/A", "style/deep/c", "a2"):
        write_network(tmp_path / f"{name}.safetensors")
    networks = loras(tmp_path)
    assert names(networks) == ["A", "a2", "b", "c"]
    assert networks.files()[3].relative == "style/deep/c.safetensors"


def test_headers_give_alias_and_family(tmp_path: Path):
    path = write_network(tmp_path / "v3-000010.safetensors", {"ss_output_name": "ink"})
    (file,) = loras(tmp_path).files()
    assert (file.kind, file.path, file.alias, file.base) == (Kind.lora, path, "ink", "SD 1")
    assert file.modified == path.stat().st_mtime


def test_a_name_is_found_exactly_then_in_any_case_then_as_an_alias(tmp_path: Path):
    ink = write_network(tmp_path / "Ink.safetensors")
    small = write_network(tmp_path / "ink.safetensors")
    aliased = write_network(tmp_path / "v3.safetensors", {"ss_output_name": "INK"})
    oil = write_network(tmp_path / "v4.safetensors", {"ss_output_name": "Oil paint"})
    networks = loras(tmp_path)
    assert path_of(networks.find("Ink")) == ink
    assert path_of(networks.find("ink")) == small
    assert path_of(networks.find("INK")) == ink
    assert path_of(networks.find("V3")) == aliased
    assert path_of(networks.find("oil PAINT")) == oil
    assert networks.find("") is None
    assert networks.find("in") is None


def test_an_alias_that_two_files_share_finds_neither(tmp_path: Path):
    for number in (1, 2):
        write_network(tmp_path / f"v{number}.safetensors", {"ss_output_name": "ink"})
    assert loras(tmp_path).find("ink") is None


def test_of_files_with_one_stem_the_last_by_path_counts_and_the_others_are_told_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    write_network(tmp_path / "ink.safetensors")
    write_network(tmp_path / "style2" / "ink.safetensors")
    last = write_network(tmp_path / "style10" / "ink.safetensors")
    with caplog.at_level(logging.WARNING):
        networks = loras(tmp_path)
        assert [file.path for file in networks.files()] == [last]
    assert networks.doubles("ink") == ("ink.safetensors", "style2/ink.safetensors")
    assert networks.doubles("oil") == ()
    assert "style10/ink.safetensors counts" in caplog.text


def test_the_first_folder_of_several_goes_before_the_others(tmp_path: Path):
    mine = write_network(tmp_path / "mine" / "ink.safetensors")
    write_network(tmp_path / "own" / "ink.safetensors")
    networks = loras(tmp_path / "mine", tmp_path / "own", tmp_path / "none")
    assert [file.path for file in networks.files()] == [mine]
    assert networks.doubles("ink") == ("ink.safetensors",)


@pytest.mark.parametrize(
    "name", ["two words", "a (b) [c]", "a:b", "水墨", "ёж", "a<b>", "-10", "x.y", "%2e", "&amp;"]
)
def test_any_name_is_listed_and_found(tmp_path: Path, name: str):
    write_network(tmp_path / f"{name}.safetensors")
    networks = loras(tmp_path, cache=tmp_path / "cache")
    assert names(networks) == [name]
    assert networks.find(name) is not None


def test_a_pickle_is_refused_unless_allowed(tmp_path: Path):
    (tmp_path / "old.pt").write_bytes(b"")
    (refused,) = loras(tmp_path).files()
    assert "old.pt is a Python pickle" in refused.refused
    (allowed,) = FolderNetworks([tmp_path], Kind.lora, allow_pickles=True).files()
    assert allowed.refused == ""


def test_a_broken_file_is_listed(tmp_path: Path):
    (tmp_path / "cut.safetensors").write_bytes(b"cut")
    (file,) = loras(tmp_path).files()
    assert (file.name, file.base, file.refused) == ("cut", "", "")


def test_links_may_lead_anywhere_unless_others_come_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    models = tmp_path / "models"
    elsewhere = write_network(tmp_path / "elsewhere" / "far.safetensors")
    near = write_network(models / "Lora" / "near.safetensors")
    within = write_network(models / "other" / "within.safetensors")
    (models / "Lora" / "far.safetensors").symlink_to(elsewhere)
    (models / "Lora" / "within.safetensors").symlink_to(within)
    (models / "Lora" / "linked").symlink_to(elsewhere.parent)
    (models / "Lora" / "again.safetensors").symlink_to(near)
    (models / "Lora" / "gone.safetensors").symlink_to(tmp_path / "nothing")
    assert names(loras(models / "Lora")) == ["again", "far", "near", "within"]
    guarded = FolderNetworks([models / "Lora"], Kind.lora, within=[models])
    with caplog.at_level(logging.WARNING):
        assert names(guarded) == ["again", "near", "within"]
    assert "its link leaves the models folder" in caplog.text


def test_a_folder_that_is_a_link_itself_is_the_owners_choice(tmp_path: Path):
    write_network(tmp_path / "elsewhere" / "far.safetensors")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "Lora").symlink_to(tmp_path / "elsewhere")
    guarded = FolderNetworks(
        [tmp_path / "models" / "Lora"], Kind.lora, within=[tmp_path / "models"]
    )
    assert names(guarded) == ["far"]


def test_a_folder_that_cannot_be_read_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    write_network(tmp_path / "near.safetensors")
    write_network(tmp_path / "shut" / "far.safetensors")
    listed = Path.iterdir

    def iterdir(self: Path):
        if self.name == "shut":
            raise PermissionError(13, "Permission denied")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with caplog.at_level(logging.WARNING):
        assert names(loras(tmp_path)) == ["near"]
    assert "shut is passed over: Permission denied." in caplog.text


def test_a_new_file_is_found_without_refreshing(tmp_path: Path):
    write_network(tmp_path / "a.safetensors")
    networks = loras(tmp_path)
    assert networks.find("b") is None
    write_network(tmp_path / "b.safetensors")
    assert networks.find("b") is not None
    assert names(networks) == ["a", "b"]


def test_refreshing_forgets_what_is_gone(tmp_path: Path):
    path = write_network(tmp_path / "a.safetensors")
    networks = loras(tmp_path)
    assert names(networks) == ["a"]
    path.unlink()
    networks.refresh()
    assert names(networks) == []


def test_the_hash_is_that_of_the_weights_or_what_the_header_states(tmp_path: Path):
    write_network(tmp_path / "plain.safetensors", fill=3)
    write_network(tmp_path / "told.safetensors", {"sshs_model_hash": "ab" * 32})
    networks = loras(tmp_path, cache=tmp_path / "cache")
    plain, told = networks.files()
    assert networks.hash_of(plain) == hashlib.sha256(b"\3" * 768).hexdigest()[:12]
    assert networks.hash_of(told) == "ab" * 6
    kept = json.loads((tmp_path / "cache" / "lora_hashes.json").read_text())
    assert list(kept) == [str(plain.path)]


def test_a_picture_that_carries_an_embedding_is_one(tmp_path: Path):
    info = PngImagePlugin.PngInfo()
    info.add_text("sd-ti-embedding", "e30=")
    picture = Image.new("RGB", (2, 2))
    picture.save(tmp_path / "fox.png", pnginfo=info)
    picture.save(tmp_path / "cat.preview.png", pnginfo=info)
    picture.save(tmp_path / "cat.png")
    write_network(tmp_path / "cat.safetensors", shapes={"emb_params": (1, 1024)})
    networks = FolderNetworks([tmp_path], Kind.embedding)
    assert [(file.name, file.base) for file in networks.files()] == [("cat", "SD 2"), ("fox", "")]
