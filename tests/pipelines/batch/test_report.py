"""The report in a sentence."""

from pipelines.batch.report import BatchReport, FileReport, Outcome


def report(*outcomes: Outcome, unreached: int = 0) -> BatchReport:
    files = tuple(FileReport(name="a.png", outcome=outcome) for outcome in outcomes)
    return BatchReport(files=files, unreached=unreached)


def test_a_single_file():
    assert report(Outcome.done).sentence == "1 file: 1 done."


def test_all_kinds_in_the_order_of_their_gravity():
    mixed = report(Outcome.failed, Outcome.done, Outcome.skipped, Outcome.done)
    assert mixed.sentence == "4 files: 2 done, 1 skipped, 1 failed."


def test_files_that_were_not_reached_count():
    stopped = report(Outcome.done, Outcome.interrupted, unreached=498)
    assert stopped.sentence == "500 files: 1 done, 1 interrupted, 498 not reached."
