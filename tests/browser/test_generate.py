"""Generate, Interrupt, Skip, the queue, and following a job across reloads and tabs."""

import pytest
from playwright.sync_api import expect

from tests.helpers.driver import READY, Driver
from tests.helpers.images import gradient

pytestmark = pytest.mark.browser


def test_generate_shows_the_picture_its_parameters_and_the_time(redraw: Driver):
    redraw.upload_picture(gradient(96, 64))
    redraw.prompt.fill("a castle <b>on</b> a hill")
    redraw.generate()
    expect(redraw.find("#img2img_gallery .preview img").first).to_be_visible()
    expect(redraw.infotext).to_contain_text("a castle <b>on</b> a hill")
    expect(redraw.infotext).to_contain_text("Steps: 20, Sampler: DPM++ 2M")
    assert len(redraw.saved()) == 1


def test_a_running_job_shows_steps_a_preview_and_the_title(redraw: Driver):
    redraw.running.painter.hold(9)
    redraw.upload_picture(gradient())
    redraw.press_generate()
    expect(redraw.progress).to_contain_text("step 8/16")
    expect(redraw.page).to_have_title("[50% ETA: 0s] Redraw")
    expect(redraw.find("#img2img_progress .live-preview img")).to_be_visible()
    expect(redraw.find("#img2img_interrupt")).to_be_visible()
    expect(redraw.find("#img2img_skip")).to_be_visible()
    redraw.running.painter.release()
    expect(redraw.log).to_contain_text("Time taken")
    expect(redraw.page).to_have_title("Redraw")
    expect(redraw.find("#img2img_progress .live-preview")).to_be_hidden()
    expect(redraw.find("#img2img_interrupt")).to_be_hidden()


def test_nothing_moves_when_a_job_runs_and_ends(redraw: Driver):
    def places() -> list[object]:
        selectors = ("#img2img_generate_box", "#img2img_image", "#image_buttons_img2img")
        return [redraw.find(selector).bounding_box() for selector in selectors]

    redraw.upload_picture(gradient())
    before = places()
    redraw.running.painter.hold(5)
    redraw.press_generate()
    expect(redraw.progress).to_contain_text("step 4/16")
    assert places() == before
    redraw.running.painter.release()
    expect(redraw.infotext).to_contain_text("Steps: 20")
    assert places() == before


def test_interrupt_keeps_the_picture_so_far(redraw: Driver):
    redraw.running.painter.hold(6)
    redraw.upload_picture(gradient())
    redraw.press_generate()
    expect(redraw.progress).to_contain_text("step 5/16")
    redraw.find("#img2img_interrupt").click()
    expect(redraw.log).to_contain_text("Time taken")
    expect(redraw.find("#img2img_gallery .preview img").first).to_be_visible()


def test_the_first_interrupt_of_several_batches_finishes_the_batch(redraw: Driver):
    redraw.running.painter.hold(6)
    redraw.upload_picture(gradient())
    redraw.set_number("img2img_batch_count", 4)
    redraw.press_generate()
    expect(redraw.progress).to_contain_text("Batch 1 out of 4")
    redraw.find("#img2img_interrupt").click()
    expect(redraw.find("#img2img_interrupting")).to_be_visible()
    redraw.running.painter.release()
    expect(redraw.log).to_contain_text("Time taken")
    assert len(redraw.saved()) == 1


def test_skip_goes_on_with_the_next_batch(redraw: Driver):
    redraw.running.painter.hold(6)
    redraw.upload_picture(gradient())
    redraw.set_number("img2img_batch_count", 2)
    redraw.press_generate()
    expect(redraw.progress).to_contain_text("Batch 1 out of 2")
    expect(redraw.progress).to_contain_text("step 5/16")
    redraw.find("#img2img_skip").click()
    expect(redraw.progress).to_contain_text("Batch 2 out of 2")
    redraw.running.painter.release()
    expect(redraw.log).to_contain_text("Time taken")


def test_ten_quick_presses_make_ten_results(redraw: Driver):
    redraw.running.painter.hold(3)
    redraw.upload_picture(gradient())
    redraw.prompt.fill("many")
    for _ in range(10):
        redraw.press_generate()
    expect(redraw.find("#img2img_progress .waiting")).to_have_text("9 waiting ✕")
    redraw.running.painter.release()
    expect(redraw.find("#img2img_history button")).to_have_count(10)
    assert len(redraw.saved()) == 10
    seeds = {plan.images[0].seed for plan in redraw.running.painter.plans}
    assert len(seeds) == 10
    redraw.find("#img2img_history button").first.click()
    first = redraw.running.painter.plans[0].images[0].seed
    expect(redraw.infotext).to_contain_text(f"Seed: {first}")


def test_waiting_jobs_can_be_cancelled(redraw: Driver):
    redraw.running.painter.hold(3)
    redraw.upload_picture(gradient())
    for _ in range(3):
        redraw.press_generate()
    waiting = redraw.find("#img2img_progress .waiting")
    expect(waiting).to_have_text("2 waiting ✕")
    waiting.click()
    expect(waiting).to_be_hidden()
    redraw.running.painter.release()
    expect(redraw.find("body[data-job=idle]")).to_be_attached()
    assert len(redraw.running.painter.plans) == 1


def test_a_reload_finds_the_running_job_again(redraw: Driver):
    redraw.running.painter.hold(9)
    redraw.upload_picture(gradient())
    redraw.press_generate()
    expect(redraw.progress).to_contain_text("step 8/16")
    redraw.reload()
    expect(redraw.progress).to_contain_text("step 8/16")
    redraw.running.painter.release()
    expect(redraw.log).to_contain_text("Time taken")


def test_a_second_tab_sees_the_running_job_and_can_interrupt_it(redraw: Driver):
    redraw.running.painter.hold(9)
    redraw.upload_picture(gradient())
    redraw.press_generate()
    expect(redraw.progress).to_contain_text("step 8/16")
    second = Driver(redraw.page.context.new_page(), redraw.running)
    second.open()
    expect(second.progress).to_contain_text("step 8/16")
    second.find("#img2img_interrupt").click()
    expect(second.log).to_contain_text("Time taken")
    second.page.close()
    expect(redraw.log).to_contain_text("Time taken")


def test_a_reload_after_the_end_shows_the_last_result(redraw: Driver):
    redraw.upload_picture(gradient())
    redraw.generate()
    redraw.reload()
    expect(redraw.log).to_contain_text("Time taken")
    expect(redraw.find("#img2img_gallery .preview img").first).to_be_visible()


def test_keys_generate_skip_and_interrupt(redraw: Driver):
    redraw.upload_picture(gradient())
    redraw.set_number("img2img_batch_count", 2)
    redraw.running.painter.hold(3)
    redraw.prompt.press("Control+Enter")
    expect(redraw.progress).to_contain_text("Batch 1 out of 2")
    expect(redraw.progress).to_contain_text("step 2/16")
    redraw.prompt.press("Alt+Enter")
    expect(redraw.progress).to_contain_text("Batch 2 out of 2")
    redraw.prompt.press("Escape")
    expect(redraw.log).to_contain_text("Time taken")


def test_ctrl_enter_while_running_starts_again(redraw: Driver):
    redraw.upload_picture(gradient())
    redraw.running.painter.hold(3)
    redraw.prompt.press("Control+Enter")
    expect(redraw.progress).to_contain_text("step 2/16")
    redraw.prompt.press("Control+Enter")
    expect(redraw.find("#img2img_history button")).to_have_count(0)
    redraw.page.wait_for_function("() => document.body.dataset.job === 'running'")
    redraw.running.painter.release()
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    assert len(redraw.running.painter.plans) == 2


def test_generate_forever_goes_on_until_it_is_cancelled(redraw: Driver):
    redraw.upload_picture(gradient())
    redraw.find("#img2img_generate").click(button="right")
    redraw.page.keyboard.press("Escape")
    expect(redraw.find("#context-menu")).to_have_count(0)
    redraw.find("#img2img_generate").click(button="right")
    redraw.page.get_by_text("Generate forever", exact=True).click()
    expect(redraw.find("#img2img_history button").nth(2)).to_be_visible()  # the third result
    redraw.find("#img2img_generate").click(button="right")
    redraw.page.get_by_text("Cancel generate forever").click()
    expect(redraw.find("body[data-job=idle]")).to_be_attached()


def test_the_page_is_ready_before_anything_was_ever_made(redraw: Driver):
    expect(redraw.find(READY)).to_be_attached()
    expect(redraw.find("body[data-job=idle]")).to_be_attached()
    expect(redraw.find("#img2img_interrupt")).to_be_hidden()
