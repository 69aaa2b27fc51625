"""A whole Redraw in this process for browser tests: the real page, server and engine."""

import shutil
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from fastapi import FastAPI
from PIL import Image, ImageChops

from extensions.discovery import discover
from pipelines.batch.folders import AllowedFolders
from pipelines.batch.produce import BatchProduction
from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.folders import Kind, built_in_checkpoints, folders_for
from pipelines.catalog.networks import FolderNetworks
from pipelines.catalog.scan import FolderCatalog
from pipelines.catalog.weights import DetectorTools, WeightStore
from pipelines.control.menus import ControlMenus
from pipelines.control.models import ControlModels
from pipelines.control.runner import PreprocessorRunner
from pipelines.downloads import Downloads
from pipelines.engine.engine import Engine
from pipelines.hub.client import Hub
from pipelines.hub.downloads import ModelDownloads
from pipelines.hub.orders import DOWNLOADABLE
from pipelines.hub.places import ModelPlaces
from pipelines.imaging.prepare import prepare
from pipelines.monitor import Monitor
from pipelines.plan import Plan
from pipelines.produce import Production
from pipelines.results import DenoisedBatch
from pipelines.settings import Settings
from pipelines.settings_store import SettingsStore
from pipelines.storage import Storage
from pipelines.styles import StyleBook
from ui.cli import Options
from ui.context import Context
from ui.login import LOCAL_USER
from ui.page import build_page, head, theme
from ui.running import make_server
from ui.server import create_server

NOBODY = "http://127.0.0.1:9"
"""An address at which no hub answers."""

CHECKOUT = Path(__file__).resolve().parents[2]
STARTING_SECONDS = 60.0


@dataclass
class SlowPainter:
    """Stands in for the network: tints the source picture step by step, as fast as it is told.

    A step waits while `hold` is set to a number of steps already done; tests let it go on by
    calling `release`. `plans` are those it was given.
    """

    plans: list[Plan] = field(default_factory=list[Plan])
    gate: threading.Event = field(default_factory=threading.Event)
    hold_at: int | None = None  # wait before finishing this step of each batch
    failures: list[Exception] = field(default_factory=list[Exception])  # raised by the next jobs

    def __post_init__(self) -> None:
        self.gate.set()

    def hold(self, step: int) -> None:
        """From now on, stop before `step` steps of a batch are done, until `release`."""
        self.hold_at = step
        self.gate.clear()

    def release(self) -> None:
        """Go on, and stop no more."""
        self.hold_at = None
        self.gate.set()

    def denoise(self, plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        """The run, as `pipelines.produce` calls it."""
        self.plans.append(plan)
        if self.failures:
            raise self.failures.pop(0)
        prepared = prepare(plan)
        start = prepared.init_image.resize((plan.size.width, plan.size.height))
        for index, batch in enumerate(plan.batches):
            if monitor.stop_after_batch:
                return
            monitor.begin_batch(index, len(plan.batches), plan.steps.executed)
            done = self._walk(plan, monitor, start)
            share = done / plan.steps.executed
            images = tuple((image, tint(start, image.seed, share)) for image in batch)
            yield DenoisedBatch(
                images=images,
                init_image=prepared.shown,
                source=start,
                masked=(prepared.masked,) * len(images) if prepared.masked else None,
                complete=done == plan.steps.executed,
                comments=prepared.masked.messages if prepared.masked else (),
            )

    def _walk(self, plan: Plan, monitor: Monitor, start: Image.Image) -> int:
        for done in range(1, plan.steps.executed + 1):
            while self.hold_at is not None and done >= self.hold_at and not monitor.stop_now:
                if self.gate.wait(0.02):
                    break
            if monitor.stop_now:
                return done - 1
            monitor.step_done(done)
            if monitor.wants_preview(done):
                share = done / plan.steps.executed
                monitor.offer_preview(lambda share=share: tint(start, 1, share))
        return plan.steps.executed


def tint(image: Image.Image, seed: int, share: float) -> Image.Image:
    """`image` mixed with a colour of `seed`, by `share` of one half."""
    colour = tuple(seed * factor % 256 for factor in (37, 91, 173))
    flat = Image.new("RGB", image.size, colour)
    return Image.blend(ImageChops.duplicate(image.convert("RGB")), flat, share / 2)


def count_words(texts: Collection[str], checkpoint: Checkpoint) -> tuple[int, int]:
    """In place of the tokenizer: words of the longest text, and the next multiple of 75."""
    words = max(len(text.split()) for text in texts)
    return words, max(1, -(-words // 75)) * 75


@dataclass(frozen=True)
class Running:
    """A served page and what tests look at behind it."""

    address: str
    context: Context
    painter: SlowPainter

    def start_over(self) -> None:
        """As on the first day: no jobs, no files, default settings; but polling is quick."""
        self.painter.release()
        engine = self.context.engine
        for job in engine.jobs(LOCAL_USER):
            engine.cancel(job.id)
            job.stop()
        for job in engine.jobs(LOCAL_USER):
            assert job.wait(STARTING_SECONDS), "a job of the last test did not end"
        engine._jobs.clear()
        if self.context.model_downloads is not None:
            for download in self.context.model_downloads.listed():
                self.context.model_downloads.remove(download.id)
        self.painter.plans.clear()
        self.painter.failures.clear()
        for left in ("outputs", "models", "config.json", "styles.csv", "params.txt"):
            path = self.context.data_dir / left
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        self.context.catalog.refresh()
        self.context.loras.refresh()
        self.context.embeddings.refresh()
        self.context.control.refresh()
        self.context.outputs.mkdir()
        self.context.settings.change(asdict(Settings(live_preview_refresh_period=100)))


def make_context(
    data_dir: Path,
    painter: SlowPainter,
    count: Callable[[Collection[str], Checkpoint], tuple[int, int] | None] = count_words,
) -> Context:
    """Everything real but the network."""
    own = CHECKOUT / "models"
    catalog = FolderCatalog(
        folders_for(Kind.checkpoint, (data_dir / "models", own)),
        [],
        data_dir / "cache",
        built_in=built_in_checkpoints(own),
    )
    weights = folders_for(Kind.preprocessor, (data_dir / "models",))
    store = WeightStore(weights)
    models = ControlModels(folders_for(Kind.controlnet, (data_dir / "models",)))
    networks = (data_dir / "models",)
    context = Context(
        loras=FolderNetworks(folders_for(Kind.lora, networks), Kind.lora),
        embeddings=FolderNetworks(folders_for(Kind.embedding, networks), Kind.embedding),
        engine=Engine(BatchProduction(Production(painter.denoise, Storage(data_dir)))),
        control=ControlMenus(plugins=discover(), models=models, require=store.folder_of),
        preprocessors=PreprocessorRunner(DetectorTools(store, lambda: "cpu")),
        downloads=Downloads(weights[0]),
        catalog=catalog,
        styles=StyleBook(data_dir / "styles.csv"),
        settings=SettingsStore(data_dir / "config.json"),
        data_dir=data_dir,
        count_tokens=count,
        version="test",
        folders=AllowedFolders(roots=(data_dir / "allowed",), base=data_dir),
    )
    found = {kind: folders_for(kind, (data_dir / "models",)) for kind in DOWNLOADABLE}
    places = ModelPlaces(folders=found, named=True)
    fetching = ModelDownloads(
        Hub(endpoint=NOBODY), places.targets, data_dir / "cache", finished=context.renew
    )
    return replace(context, places=places, model_downloads=fetching)


@contextmanager
def serve(context: Context, *, port: int = 0, theme_name: str | None = None) -> Iterator[str]:
    """The page's address, for as long as the context lasts."""
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]
    options = Options(data_dir=context.data_dir, port=port)
    app = create_server(
        context,
        build_page(context),
        options,
        port=port,
        look={"head": head(theme_name), "theme": theme()},
    )
    with answering(app, listener):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            context.engine.close()


@contextmanager
def answering(app: FastAPI, listener: socket.socket) -> Iterator[None]:
    """`app` answers on `listener`, on a thread of its own, for as long as the context lasts."""
    started = threading.Event()
    server = make_server(app, started.set)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    assert started.wait(STARTING_SECONDS), "the server did not start"
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(STARTING_SECONDS)
