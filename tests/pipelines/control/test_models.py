"""Control models: what is found, what it is called, and how a name finds it."""

import hashlib
import shutil
from pathlib import Path

import pytest

from pipelines.control.models import ControlModels
from pipelines.errors import ModelNotFound
from tests.helpers.control import write_models
from tests.helpers.models import write_safetensors


def slow_hash(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha256(content[2**20 : 2**20 + 2**16]).hexdigest()[:8]


def test_a_title_is_the_stem_and_a1111s_old_hash(tmp_path: Path):
    write_models(tmp_path / "sd15", "canny", "depth")
    (tmp_path / "sd15" / "canny.yaml").write_text("ignored")
    found = ControlModels((tmp_path,)).titles()
    paths = [tmp_path / "sd15" / f"{name}.safetensors" for name in ("canny", "depth")]
    assert found == tuple(f"{path.stem} [{slow_hash(path)}]" for path in paths)
    assert slow_hash(paths[0]) != slow_hash(paths[1])


def test_a_small_file_has_the_hash_of_nothing(tmp_path: Path):
    (tmp_path / "tiny.pth").write_bytes(b"small")
    assert ControlModels((tmp_path,)).titles() == ("tiny [e3b0c442]",)


def test_a_diffusers_folder_has_the_hash_of_its_weights(tmp_path: Path):
    folder = tmp_path / "sd15" / "canny"
    write_models(folder, "diffusion_pytorch_model")
    (folder / "config.json").write_text("{}")
    models = ControlModels((tmp_path,))
    digits = slow_hash(folder / "diffusion_pytorch_model.safetensors")
    assert models.titles() == (f"canny [{digits}]",)
    assert models.find("canny")[1].path == folder


def test_files_of_one_stem_are_all_listed_unless_they_are_copies(tmp_path: Path):
    write_models(tmp_path / "a", "canny", "depth")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    shutil.copy(tmp_path / "b" / "depth.safetensors", tmp_path / "b" / "canny.safetensors")
    titles = ControlModels((tmp_path,)).titles()
    assert [title.split()[0] for title in titles] == ["canny", "depth", "canny"]
    assert len(set(titles)) == 3


def test_a_refresh_finds_what_was_added_and_what_was_changed(tmp_path: Path):
    models = ControlModels((write_models(tmp_path, "canny"),))
    (before,) = models.titles()
    write_models(tmp_path, "added", "canny")
    assert models.titles() == (before,)
    models.refresh()
    added, after = models.titles()
    assert added.startswith("added")
    assert after != before


NAMES = ("control_v11p_sd15_canny", "t2iadapter_canny_sd14v1", "control_v11f1p_sd15_depth", "Depth")


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("CONTROL_V11P_SD15_CANNY", NAMES[0]),
        ("canny", NAMES[0]),  # as long as the other, and listed first
        ("sd14v1", NAMES[1]),
        ("depth", "Depth"),
        ("sd15_depth", NAMES[2]),
        ("control_v11p_sd15_canny [d14c016b]", NAMES[0]),
        ("  Depth ", "Depth"),
    ],
)
def test_a_name_finds_a_model(tmp_path: Path, name: str, stem: str):
    title, file = ControlModels((write_models(tmp_path, *NAMES),)).find(name)
    assert title.startswith(f"{stem} [")
    assert file.name == stem


def test_an_exact_title_wins(tmp_path: Path):
    write_models(tmp_path / "a", "canny")
    write_safetensors(tmp_path / "b" / "canny.safetensors")
    models = ControlModels((tmp_path,))
    for title in models.titles():
        assert models.find(title)[0] == title


@pytest.mark.parametrize("name", ["", "   ", "openpose", "../canny", "["])
def test_a_model_that_is_not_there_is_refused_with_the_folder(tmp_path: Path, name: str):
    with pytest.raises(ModelNotFound, match=f"no control model .* in {tmp_path}"):
        ControlModels((write_models(tmp_path, "canny"),)).find(name)


def test_no_folder_means_no_models(tmp_path: Path):
    assert ControlModels((tmp_path / "nowhere",)).titles() == ()
