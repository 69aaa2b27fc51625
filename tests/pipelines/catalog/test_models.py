"""Models other than checkpoints: both layouts are found, parts of models are not."""

from pathlib import Path

from pipelines.catalog.checkpoints import Layout
from pipelines.catalog.folders import Kind
from pipelines.catalog.models import ModelFile, find_models
from tests.helpers.models import write_folder, write_safetensors


def write_controlnet(path: Path, weights: str = "diffusion_pytorch_model.safetensors") -> Path:
    """A ControlNet in diffusers' layout as far as the catalogue can see."""
    write_safetensors(path / weights)
    (path / "config.json").write_text("{}")
    return path


def test_controlnets_are_folders_or_files(tmp_path: Path):
    canny = write_controlnet(tmp_path / "demo_canny")
    half = write_controlnet(tmp_path / "sd15" / "depth", "diffusion_pytorch_model.fp16.safetensors")
    single = write_safetensors(tmp_path / "control_v11p_sd15_lineart.safetensors")
    (tmp_path / "control_v11p_sd15_lineart.yaml").write_text("")
    assert find_models(Kind.controlnet, [tmp_path]) == (
        ModelFile(name="control_v11p_sd15_lineart", path=single, layout=Layout.file),
        ModelFile(name="demo_canny", path=canny, layout=Layout.folder),
        ModelFile(name="sd15/depth", path=half, layout=Layout.folder),
    )


def test_a_folder_without_its_config_is_a_folder_of_files(tmp_path: Path):
    file = write_safetensors(tmp_path / "loose" / "diffusion_pytorch_model.safetensors")
    (found,) = find_models(Kind.controlnet, [tmp_path])
    assert (found.name, found.path) == ("loose/diffusion_pytorch_model", file)


def test_parts_of_a_whole_pipeline_are_no_models_of_their_own(tmp_path: Path):
    write_folder(tmp_path / "pipeline")
    assert find_models(Kind.controlnet, [tmp_path]) == ()


def test_other_kinds_are_single_files(tmp_path: Path):
    ink = write_safetensors(tmp_path / "style" / "demo_ink.safetensors")
    (tmp_path / "style" / "config.json").write_text("{}")
    (found,) = find_models(Kind.lora, [tmp_path])
    assert found == ModelFile(name="style/demo_ink", path=ink, layout=Layout.file)


def test_the_first_of_several_with_one_name_is_listed(tmp_path: Path):
    mine = write_safetensors(tmp_path / "mine" / "canny.safetensors")
    write_controlnet(tmp_path / "own" / "canny")
    found = find_models(Kind.controlnet, [tmp_path / "mine", tmp_path / "own", tmp_path / "none"])
    assert [model.path for model in found] == [mine]


def test_links_that_lead_nowhere_are_left_out(tmp_path: Path):
    (tmp_path / "gone.safetensors").symlink_to(tmp_path / "nothing")
    assert find_models(Kind.lora, [tmp_path]) == ()
