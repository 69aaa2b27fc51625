"""Limits that keep a bad server from holding up a download: silence, and bytes that only drip."""

import pytest

from pipelines.errors import DownloadFailed
from pipelines.hub import transfer
from pipelines.hub.transfer import SILENCE, SLOWEST, SLOWEST_PERIOD, _Pace, explain, limits


class Clock:
    """Moves when it is told."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(transfer.time, "monotonic", clock.monotonic)
    return clock


def test_every_request_has_limits_of_time():
    limit = limits()
    assert limit.read == SILENCE
    assert None not in (limit.connect, limit.write, limit.pool)


def test_bytes_that_drip_are_given_up(clock: Clock):
    pace = _Pace("big.safetensors")
    clock.now = SLOWEST_PERIOD - 1
    pace.came(1)
    clock.now = SLOWEST_PERIOD
    with pytest.raises(DownloadFailed, match="comes too slowly: 2 bytes in 60 seconds"):
        pace.came(1)


def test_a_slow_line_is_fast_enough(clock: Clock):
    pace = _Pace("big.safetensors")
    for minute in range(1, 6):
        clock.now = minute * SLOWEST_PERIOD
        pace.came(SLOWEST)


def test_what_nobody_foresaw_is_named_without_its_text(caplog: pytest.LogCaptureFixture):
    sentence = explain(RuntimeError("Bearer hf_secret"), "who/what")
    assert sentence == "who/what was not downloaded: RuntimeError."
