"""What preprocessors are run with in tests."""

from collections.abc import Callable
from pathlib import Path

from pipelines.plugins import Network, Weights


class NoTools:
    """For preprocessors that need no weights."""

    device = "cpu"

    def folder_of(self, weights: Weights) -> Path:
        raise AssertionError(f"{weights} were asked for without being named")

    def network(self, name: str, load: Callable[[], Network]) -> Network:
        raise AssertionError(f"network {name} was asked for without weights")
