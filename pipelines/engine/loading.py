"""The network libraries, imported in the background once the page is up."""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from pipelines.errors import UserError
from pipelines.monitor import Monitor
from pipelines.plan import Plan
from pipelines.results import Denoise, DenoisedBatch

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
"""How often a job that waits for the libraries looks whether it was interrupted."""

Part = TypeVar("Part", bound="Denoises")


class Denoises(Protocol):
    """What is loaded: at least the run."""

    @property
    def denoise(self) -> Denoise:
        """The run."""
        ...


class BackgroundRun(Generic[Part]):
    """A run that is being loaded: jobs wait for it, saying so, and everybody else goes on."""

    def __init__(self, load: Callable[[], Part]) -> None:
        self._load = load
        self._ended = threading.Event()
        self._loaded: Part | None = None
        self._error = ""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def loaded(self) -> Part | None:
        """What `load` gave; None while it is still at work, or when it failed."""
        return self._loaded

    def start(self) -> None:
        """Begin to load on a thread of its own; later calls do nothing."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="loading", daemon=True)
                self._thread.start()

    def denoise(self, plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        """The loaded run's batches, after waiting for it; none when interrupted before."""
        self.start()
        if not self._ended.is_set():
            monitor.stage("Loading PyTorch…")
        while not self._ended.wait(LOOK_SECONDS):
            if monitor.stop_now:
                return
        if self._loaded is None:
            raise UserError(f"PyTorch and diffusers could not be loaded: {self._error}.")
        yield from self._loaded.denoise(plan, monitor)

    def _work(self) -> None:
        try:
            self._loaded = self._load()
        except Exception as error:
            log.exception("PyTorch and diffusers could not be loaded.")
            self._error = f"{type(error).__name__}: {error}".rstrip(".")
        finally:
            self._ended.set()
