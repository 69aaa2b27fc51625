"""Remaining times, on a clock that the test turns."""

from pipelines.engine.timing import StepTimer


def test_nothing_is_known_before_the_first_step():
    timer = StepTimer()
    assert timer.remaining(0.0, 10, 0) is None
    timer.begin_batch(1.0)
    assert timer.remaining(2.0, 10, 0) is None


def test_the_first_step_serves_until_there_is_a_second():
    timer = StepTimer()
    timer.begin_batch(0.0)
    timer.step(5.0)
    assert timer.remaining(5.0, 4, 0) == 20.0
    timer.step(6.0)
    assert timer.remaining(6.0, 3, 0) == 3.0


def test_the_step_under_way_counts_for_the_time_it_has_had():
    timer = StepTimer()
    timer.begin_batch(0.0)
    timer.step(2.0)
    assert timer.remaining(3.0, 2, 0) == 3.0
    assert timer.remaining(30.0, 2, 0) == 2.0


def test_pauses_between_batches_are_expected_again():
    timer = StepTimer()
    timer.begin_batch(0.0)
    timer.step(1.0)
    timer.step(2.0)
    timer.begin_batch(5.0)
    assert timer.remaining(5.0, 4, 2) == 4 * 1.0 + 2 * 3.0


def test_a_machine_that_slows_is_followed():
    timer = StepTimer()
    timer.begin_batch(0.0)
    now = 0.0
    for _ in range(30):
        now += 1.0
        timer.step(now)
    for _ in range(20):
        now += 3.0
        timer.step(now)
    assert timer.remaining(now, 1, 0) == 3.0
