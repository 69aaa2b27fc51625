"""Preprocessors run once per picture and values, one at a time, and are not run again."""

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipelines.control.runner import PreprocessorRunner
from pipelines.errors import MissingWeights, OutOfMemory, PreprocessorFailed
from pipelines.plugins import Detected, Given, Pixels, Preprocessor
from tests.helpers.control import Counted, NoTools, make_plugins
from tests.helpers.images import noise

PATIENCE = 60.0


@pytest.fixture
def count() -> Counted:
    return Counted()


@pytest.fixture
def canny(count: Counted) -> Preprocessor:
    return make_plugins(count).find_preprocessor("canny")


def picture(seed: int = 0, size: int = 8) -> Pixels:
    return np.asarray(noise(size, size, seed=seed))


def run(runner: PreprocessorRunner, preprocessor: Preprocessor, **changes: Any) -> Detected:
    values = {"picture": picture(), "resolution": 512, "a": 1.0, "b": 2.0, **changes}
    return runner.run(preprocessor, values.pop("picture"), **values)


def test_the_same_again_runs_nothing(count: Counted, canny: Preprocessor):
    runner = PreprocessorRunner(NoTools())
    first = run(runner, canny)
    assert run(runner, canny, picture=picture().copy(), seed=7) is first
    assert len(count.given) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"picture": picture(seed=1)},
        {"picture": picture(size=16).reshape(8, 32, 3)},
        {"resolution": 513},
        {"a": 3.0},
        {"b": 3.0},
    ],
)
def test_anything_else_runs_again(count: Counted, canny: Preprocessor, changes: dict[str, Any]):
    runner = PreprocessorRunner(NoTools())
    run(runner, canny, picture=picture(size=16).reshape(32, 8, 3))
    run(runner, canny)
    run(runner, canny, **changes)
    assert len(count.given) == 3


def test_another_preprocessor_and_another_mask_run_again(count: Counted, canny: Preprocessor):
    runner = PreprocessorRunner(NoTools())
    masked = make_plugins(count).find_preprocessor("inpaint_only")
    full = np.full((8, 8), 255, np.uint8)
    run(runner, replace(canny, key="other"))
    run(runner, canny)
    run(runner, canny, mask=full)  # which it does not take
    assert len(count.given) == 2
    run(runner, masked)
    run(runner, masked, mask=np.zeros((8, 8), np.uint8))
    assert len(count.given) == 3
    run(runner, masked, mask=full)
    assert len(count.given) == 4


def test_the_maps_used_last_are_kept(count: Counted, canny: Preprocessor):
    runner = PreprocessorRunner(NoTools(), limit=2)
    for seed in (0, 1, 0, 2, 0):
        run(runner, canny, picture=picture(seed))
    assert len(count.given) == 3
    run(runner, canny, picture=picture(1))
    assert len(count.given) == 4


def test_a_map_that_may_differ_is_not_kept(count: Counted):
    runner = PreprocessorRunner(NoTools())
    shuffle = make_plugins(count).find_preprocessor("shuffle")
    run(runner, shuffle)
    run(runner, shuffle)
    assert len(count.given) == 2


def test_nobody_can_change_what_is_kept(canny: Preprocessor):
    detected = run(PreprocessorRunner(NoTools()), canny)
    with pytest.raises(ValueError, match="read-only"):
        detected.pixels[0, 0, 0] = 1


def test_the_callers_picture_stays_writable(canny: Preprocessor):
    own = picture().copy()
    run(PreprocessorRunner(NoTools()), canny, picture=own)
    assert own.flags.writeable


def test_a_failure_is_not_kept(count: Counted):
    runner = PreprocessorRunner(NoTools())
    depth = make_plugins(count).find_preprocessor("depth")
    for _ in range(2):
        with pytest.raises(MissingWeights):
            run(runner, depth)
    assert len(count.given) == 2


def test_one_runs_at_a_time_and_who_waited_is_given_the_same():
    runner = PreprocessorRunner(NoTools())
    entered, leave = threading.Semaphore(0), threading.Event()

    def slow(given: Given) -> Detected:
        entered.release()
        assert leave.wait(PATIENCE)
        return Detected(pixels=given.picture.copy())

    slowly = Preprocessor(key="slow", label="slow", run=slow)
    found: list[Detected] = []
    threads = [threading.Thread(target=lambda: found.append(run(runner, slowly))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert entered.acquire(timeout=PATIENCE)
    leave.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert found[0] is found[1]
    assert not entered.acquire(blocking=False)


def raising(error: Exception) -> Preprocessor:
    def fail(given: Given) -> Detected:
        raise error

    return Preprocessor(key="bad", label="bad one", run=fail)


def test_what_a_detector_trips_over_is_told_in_a_sentence():
    runner = PreprocessorRunner(NoTools())
    told = "preprocessor bad one failed on a picture of 8x8 (ValueError: no eyes); the console"
    for error, sentence in (
        (ValueError("no eyes.\nat line 7"), told),
        (KeyError(), "preprocessor bad one failed on a picture of 8x8 (KeyError); the console"),
    ):
        with pytest.raises(PreprocessorFailed) as caught:
            run(runner, raising(error))
        assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("OpenCV(5.0.0) error: (-4:Insufficient memory) Failed to allocate"),
    ],
)
def test_memory_that_ran_out_is_told_apart(error: Exception):
    with pytest.raises(OutOfMemory, match=r"memory ran out in preprocessor bad one; .* below 512"):
        run(PreprocessorRunner(NoTools()), raising(error))


def test_a_failure_keeps_nothing_and_blocks_nobody(count: Counted, canny: Preprocessor):
    runner = PreprocessorRunner(NoTools())
    with pytest.raises(PreprocessorFailed):
        run(runner, raising(ValueError()))
    run(runner, canny)
    assert len(count.given) == 1
