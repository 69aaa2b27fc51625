"""Settings: names and defaults as A1111's, checked values, a file that survives anything."""

import dataclasses
import json
import logging
import math
import threading
from pathlib import Path

import pytest

from pipelines.errors import InvalidRequest, StorageFailed
from pipelines.settings import FIELDS, Settings, check
from pipelines.settings_store import SettingsStore, load, save

A1111 = {
    "samples_save": True, "samples_format": "png", "samples_filename_pattern": "",
    "save_to_dirs": True, "directories_filename_pattern": "[date]", "grid_save": True,
    "grid_format": "png", "return_grid": True, "n_rows": -1, "grid_prevent_empty_spots": False,
    "grid_background_color": "#ffffff", "enable_pnginfo": True, "save_txt": False,
    "jpeg_quality": 80, "webp_lossless": False, "save_init_img": False,
    "save_incomplete_images": False, "outdir_img2img_samples": "outputs/img2img-images",
    "outdir_img2img_grids": "outputs/img2img-grids", "outdir_init_images": "outputs/init-images",
    "CLIP_stop_at_last_layers": 1, "comma_padding_backtrack": 20, "emphasis": "Original",
    "initial_noise_multiplier": 1.0, "img2img_extra_noise": 0.0, "img2img_fix_steps": False,
    "img2img_background_color": "#ffffff", "eta_ddim": 0.0, "eta_ancestral": 1.0, "s_churn": 0.0,
    "s_tmin": 0.0, "s_tmax": 0.0, "s_noise": 1.0, "sigma_min": 0.0, "sigma_max": 0.0, "rho": 0.0,
    "eta_noise_seed_delta": 0, "always_discard_next_to_last_sigma": False,
    "live_previews_enable": True, "add_model_hash_to_info": True,
    "add_model_name_to_info": True, "add_version_to_infotext": True,
    "infotext_styles": "Apply if any", "send_seed": True, "send_size": True,
    "interrupt_after_current": True, "keyedit_precision_attention": 0.1,
    "disable_token_counters": False, "tiling": False, "inpainting_mask_weight": 1.0,
    "img2img_color_correction": False, "overlay_inpaint": True, "return_mask": False,
    "return_mask_composite": False, "save_mask": False, "save_mask_composite": False,
    "save_images_before_color_correction": False, "img2img_batch_show_results_limit": 32,
    "img2img_editor_height": 720, "img2img_sketch_default_brush_color": "#ffffff",
    "img2img_inpaint_mask_brush_color": "#ffffff",
    "img2img_inpaint_sketch_default_brush_color": "#ffffff", "control_net_unit_count": 3,
    "control_net_model_cache_size": 2, "control_net_inpaint_blur_sigma": 7,
    "control_net_no_detectmap": False, "control_net_detectmap_autosaving": False,
    "control_net_detectedmap_dir": "detected_maps", "control_net_sync_field_args": True,
    "controlnet_increment_seed_during_batch": False, "controlnet_ignore_noninpaint_mask": False,
    "enable_prompt_comments": True, "skip_early_cond": 0.0, "s_min_uncond": 0.0,
    "s_min_uncond_all": False, "pad_cond_uncond": False, "use_old_scheduling": False,
    "sd_vae": "Automatic", "sd_vae_overrides_per_model_preferences": True,
    "add_vae_name_to_info": True, "add_vae_hash_to_info": True,
    "extra_networks_default_multiplier": 1.0, "extra_networks_card_show_desc": True,
    "extra_networks_card_order_field": "Path", "extra_networks_card_order": "Ascending",
    "extra_networks_add_text_separator": " ", "lora_preferred_name": "Alias from file",
    "auto_vae_precision": True, "refiner_switch_by_sample_steps": False,
    "sdxl_clip_l_skip": False, "sdxl_crop_top": 0,
    "sdxl_crop_left": 0, "sdxl_refiner_low_aesthetic_score": 2.5,
    "sdxl_refiner_high_aesthetic_score": 6.0, "lora_add_hashes_to_infotext": True,
    "textual_inversion_add_hashes_to_infotext": True,
    "beta_dist_alpha": 0.6, "beta_dist_beta": 0.6, "uni_pc_variant": "bh1",
    "uni_pc_skip_type": "time_uniform", "uni_pc_order": 3, "uni_pc_lower_order_final": True,
    "use_old_karras_scheduler_sigmas": False, "no_dpmpp_sde_batch_determinism": False,
}  # fmt: skip
"""Keys that A1111 or its ControlNet extension has too, with their defaults."""

OURS = {
    # A seed gives the same picture on every device; A1111 has GPU.
    "randn_source": "CPU",
    # Previews are cheap and polling is light; A1111 has every 10 steps and 1000 ms.
    "show_progress_every_n_steps": 1,
    "live_preview_refresh_period": 400,
    # A dropped picture restores its checkpoint, too; A1111 disregards it.
    "disable_weights_auto_swap": False,
    # A1111 has None where we have an empty text.
    "sd_model_checkpoint": "",
    # The memory that models may take is what counts; A1111 keeps 1.
    "sd_checkpoints_limit": 10,
    # A1111 has no such settings.
    "embed_inpaint_mask": True,
    "model_cache_gigabytes": 8.0,
    "max_picture_megapixels": 64.0,
    "max_upload_megabytes": 256.0,
    "max_queued_jobs": 100,
}
"""Deliberate differences."""


def test_defaults_are_a1111s_but_for_those_listed_here():
    assert dataclasses.asdict(Settings()) == {**A1111, **OURS}


@pytest.mark.parametrize("key", FIELDS)
def test_every_setting_is_described_and_its_default_allowed(key: str):
    info = FIELDS[key]
    assert info.label
    assert info.section
    default = getattr(Settings(), key)
    assert check(key, default) == default
    numeric = isinstance(default, int | float) and not isinstance(default, bool)
    assert numeric == (info.low is not None) == (info.high is not None)


def test_no_two_settings_share_a_name_in_the_infotext():
    names = [info.infotext for info in FIELDS.values() if info.infotext]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("nonsense", 1, "'nonsense' is not known"),
        ("samples_save", 1, "expected true or false, got 1"),
        ("samples_save", None, "expected true or false"),
        ("jpeg_quality", 0, "must lie between 1 and 100, got 0"),
        ("jpeg_quality", 101, "must lie between 1 and 100"),
        ("jpeg_quality", 80.5, "expected a whole number, got 80.5"),
        ("jpeg_quality", True, "expected a whole number, got True"),
        ("jpeg_quality", "80", "expected a whole number, got '80'"),
        ("eta_ddim", math.nan, "expected a number, got nan"),
        ("eta_ddim", math.inf, "expected a number"),
        ("samples_format", "gif", "'gif' is not one of png, jpg, webp"),
        ("samples_format", 5, "expected a text, got 5"),
        ("grid_background_color", "white", "expected a colour like #ffffff, got 'white'"),
        ("grid_background_color", "#fffffff", "expected a colour"),
    ],
)
def test_a_value_of_no_use_is_refused(key: str, value: object, message: str):
    with pytest.raises(InvalidRequest, match=message):
        Settings().with_changes({key: value})


def test_whole_floats_become_integers_and_integers_floats():
    changed = Settings().with_changes({"jpeg_quality": 90.0, "eta_ddim": 1})
    assert (changed.jpeg_quality, type(changed.jpeg_quality)) == (90, int)
    assert (changed.eta_ddim, type(changed.eta_ddim)) == (1.0, float)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "config.json"


def test_without_a_file_there_are_defaults(path: Path):
    assert load(path) == Settings()


def test_what_was_saved_is_loaded(path: Path):
    settings = Settings(samples_format="webp", sd_model_checkpoint="é [0123456789]", s_noise=1.05)
    save(settings, path)
    assert load(path) == settings
    assert json.loads(path.read_text(encoding="utf-8"))["samples_format"] == "webp"


def test_keys_of_others_are_kept(path: Path):
    path.parent.mkdir()
    path.write_text('{"tiling": true, "jpeg_quality": 50}', encoding="utf-8")
    save(load(path).with_changes({"save_txt": True}), path)
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored["tiling"] is True
    assert stored["jpeg_quality"] == 50
    assert stored["save_txt"] is True


def test_a_value_of_no_use_in_the_file_is_ignored_with_a_warning(
    path: Path, caplog: pytest.LogCaptureFixture
):
    path.parent.mkdir()
    stored = {"jpeg_quality": 500, "save_txt": True, "sd_model_checkpoint": None, "other": [1]}
    path.write_text(json.dumps(stored), encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        assert load(path) == Settings(save_txt=True)
    assert [record.getMessage() for record in caplog.records] == [
        "Setting jpeg_quality in config.json is ignored. "
        "Quality for saved jpeg and webp must lie between 1 and 100, got 500."
    ]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"5", b"\xff\xfe", b"[" * 100_000, b"\0"])
def test_a_broken_file_means_defaults_and_is_set_aside_by_the_next_save(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
):
    path.parent.mkdir()
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert load(path) == Settings()
    assert "config.json" in caplog.text
    save(Settings(save_txt=True), path)
    assert load(path) == Settings(save_txt=True)
    assert path.with_name("config.json.broken").read_bytes() == content


def test_a_disk_that_refuses_is_reported_and_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = SettingsStore(path)
    store.change({"jpeg_quality": 70})
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageFailed, match="No space left on device"):
        store.change({"jpeg_quality": 60})
    assert store.current.jpeg_quality == 70
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["config.json"]


def test_a_bad_change_changes_nothing(path: Path):
    store = SettingsStore(path)
    with pytest.raises(InvalidRequest):
        store.change({"save_txt": True, "jpeg_quality": 0})
    assert store.current == Settings()
    assert not path.exists()


def test_changes_from_several_threads_are_all_kept(path: Path):
    store = SettingsStore(path)
    changes = [{"save_txt": True}, {"jpeg_quality": 70}, {"n_rows": 3}, {"samples_format": "jpg"}]
    threads = [threading.Thread(target=store.change, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = Settings(save_txt=True, jpeg_quality=70, n_rows=3, samples_format="jpg")
    assert store.current == load(path) == expected
