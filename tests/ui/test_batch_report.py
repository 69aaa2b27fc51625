"""The report on a batch as the page shows it."""

from pipelines.batch.report import BatchReport, FileReport, Outcome
from ui.batch_report import report_html

FILES = (
    FileReport(name="cat.png", outcome=Outcome.done, saved=("cat.png", "cat-mask.png")),
    FileReport(name="broken.png", outcome=Outcome.skipped, notes=("It is damaged.",)),
)


def test_every_file_has_its_row_with_results_and_reasons():
    page = report_html(BatchReport(files=FILES, made=1, shown=1))
    assert page.count("<tr class=") == 2
    assert "2 files: 1 done, 1 skipped." in page
    assert "<td>cat.png</td><td>done</td><td>cat.png<br>cat-mask.png</td>" in page
    assert "<td>broken.png</td><td>skipped</td><td>It is damaged.</td>" in page
    assert "Shown are" not in page


def test_it_says_when_not_all_pictures_are_shown():
    page = report_html(BatchReport(files=FILES, made=500, shown=32))
    assert "Shown are the first 32 of 500 pictures." in page


def test_names_and_reasons_from_outside_are_escaped():
    evil = "<img src=x onerror=alert(1)>.png"
    file = FileReport(name=evil, outcome=Outcome.failed, saved=(evil,), notes=(evil,))
    page = report_html(BatchReport(files=(file,)))
    assert "<img" not in page
    assert page.count("&lt;img") == 3


def test_a_batch_that_ended_before_its_first_file_is_a_sentence():
    page = report_html(BatchReport(files=(), unreached=3))
    assert page == "<p>3 files: 3 not reached.</p>"
