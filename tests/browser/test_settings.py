"""The Settings tab: stored at once, and a bad value loses nothing."""

import json

import pytest
from playwright.sync_api import expect

from tests.helpers.driver import Driver

pytestmark = pytest.mark.browser


def test_settings_are_stored_and_shown_after_a_reload(redraw: Driver):
    redraw.open_tab("Settings")
    redraw.find("#setting_save_txt input").check()
    redraw.set_number("setting_jpeg_quality", 91)
    redraw.find("#settings_submit").click()
    expect(redraw.find("#settings_result")).to_contain_text("2 settings changed.")
    stored = json.loads((redraw.running.context.data_dir / "config.json").read_text())
    assert (stored["save_txt"], stored["jpeg_quality"]) == (True, 91)
    redraw.reload()
    redraw.open_tab("Settings")
    expect(redraw.find("#setting_save_txt input")).to_be_checked()
    expect(redraw.number("setting_jpeg_quality")).to_have_value("91")


def test_a_value_out_of_range_is_named_and_nothing_changes(redraw: Driver):
    redraw.open_tab("Settings")
    redraw.find("#setting_save_txt input").check()
    redraw.find("#settings_sections").get_by_role("tab", name="Sampler parameters").click()
    redraw.set_number("setting_eta_noise_seed_delta", -5)
    redraw.find("#settings_submit").click()
    expect(redraw.find("#settings_result .error")).to_contain_text("Eta noise seed delta must lie")
    assert redraw.running.context.settings.current.save_txt is False
    redraw.set_number("setting_eta_noise_seed_delta", 31337)
    redraw.find("#settings_submit").click()
    expect(redraw.find("#settings_result")).to_contain_text("2 settings changed.")
