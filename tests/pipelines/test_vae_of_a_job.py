"""The VAE of a job, from the setting through the plan to the infotext and back."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.catalog.checkpoints import VaeFile
from pipelines.catalog.scan import FolderCatalog
from pipelines.errors import ModelNotFound
from pipelines.infotext import parse, write
from pipelines.infotext_form import parse_overrides, to_form
from pipelines.plan import Plan, make_plan
from pipelines.settings import Settings
from pipelines.styles import StyleBook
from tests.helpers.models import write_folder, write_safetensors
from tests.helpers.plans import plan_for, request_for

SHARP = VaeFile(name="sharp.safetensors", path=Path("sharp.safetensors"), short_hash="abcdef0123")


@pytest.fixture
def catalog(tmp_path: Path) -> FolderCatalog:
    write_folder(tmp_path / "models" / "demo")
    write_safetensors(tmp_path / "VAE" / "sharp.safetensors")
    return FolderCatalog([tmp_path / "models"], [tmp_path / "VAE"], tmp_path / "cache")


def planned(catalog: FolderCatalog, settings: Settings, **changes: object) -> Plan:
    return make_plan(request_for(**changes), settings, catalog, StyleBook(Path("none.csv")))


def test_the_setting_chooses_it(catalog: FolderCatalog):
    assert planned(catalog, Settings()).vae is None
    vae = planned(catalog, Settings(sd_vae="sharp.safetensors")).vae
    assert vae is not None
    assert vae.name == "sharp.safetensors"


def test_a_job_may_choose_its_own(catalog: FolderCatalog):
    vae = planned(catalog, Settings(), override_settings={"sd_vae": "sharp.safetensors"}).vae
    assert vae is not None


def test_one_that_is_not_there_refuses_the_job(catalog: FolderCatalog):
    with pytest.raises(ModelNotFound, match=r"no VAE 'soft'; there are: sharp\.safetensors"):
        planned(catalog, Settings(sd_vae="soft"))


def test_it_stands_behind_the_model_in_the_infotext():
    plan = replace(plan_for(), vae=SHARP)
    text = write(plan, plan.images[0])
    assert "Model: demo, VAE hash: abcdef0123, VAE: sharp.safetensors, Denoising" in text
    assert "VAE" not in write(plan_for(), plan.images[0])


def test_the_settings_leave_it_out():
    changed = {"add_vae_name_to_info": False, "add_vae_hash_to_info": False}
    plan = replace(plan_for(settings=changed), vae=SHARP)
    assert "VAE" not in write(plan, plan.images[0])


def test_pasting_brings_it_back_for_the_next_job(catalog: FolderCatalog):
    plan = replace(plan_for(), vae=SHARP)
    parameters = parse(write(plan, plan.images[0]))
    styles = StyleBook(Path("none.csv"))
    form = to_form(parameters, settings=Settings(), catalog=catalog, styles=styles)
    assert "VAE: sharp.safetensors" in form.override_settings
    assert parse_overrides(["VAE: sharp.safetensors"]) == {"sd_vae": "sharp.safetensors"}
    chosen = Settings(sd_vae="sharp.safetensors")
    again = to_form(parameters, settings=chosen, catalog=catalog, styles=styles)
    assert not [entry for entry in again.override_settings if entry.startswith("VAE")]


def test_one_that_is_not_here_is_left_out_with_a_word(catalog: FolderCatalog):
    parameters = parse("a cat\nSteps: 20, Sampler: Euler, Seed: 1, VAE hash: 12, VAE: gone.pt")
    form = to_form(
        parameters, settings=Settings(), catalog=catalog, styles=StyleBook(Path("none.csv"))
    )
    assert not [entry for entry in form.override_settings if entry.startswith("VAE")]
    assert any("VAE was left out. There is no VAE 'gone.pt'" in text for text in form.comments)
