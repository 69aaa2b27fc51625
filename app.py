"""Redraw's start: reads the flags, puts all parts together, serves the page until Ctrl+C."""

import gc
import logging
import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipelines.errors import UserError
from ui import quick_gradio
from ui.cli import Options, parse
from ui.hosts import ANY_ADDRESS, AllowedHosts
from ui.listening import listen
from ui.notices import Notices

if TYPE_CHECKING:
    from pipelines.batch.folders import AllowedFolders
    from pipelines.catalog.folders import Kind
    from pipelines.catalog.networks import FolderNetworks
    from pipelines.catalog.scan import FolderCatalog
    from pipelines.control.menus import ControlMenus
    from pipelines.control.runner import PreprocessorRunner
    from pipelines.diffusion.run import Diffusion
    from pipelines.downloads import Downloads
    from pipelines.engine.loading import BackgroundRun
    from pipelines.prompting.wildcards import WildcardFolders
    from pipelines.settings import Settings
    from ui.context import Context

log = logging.getLogger("redraw")

HERE = Path(__file__).resolve().parent

OWN_LOGGERS = ("extensions", "pipelines", "redraw", "ui")
"""Heard from INFO on; everybody else from WARNING on."""

LOADING_DELAY = 0.5
"""Seconds between the server's start and the import of PyTorch, which would slow the first page."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; the exit status: 0, or 2 with one sentence on stderr."""
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments, default_dir=HERE)
        serve(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


def serve(options: Options) -> None:
    """Start everything in its order, and end it in the reverse order."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(logging.INFO)
    listener, port = listen(options.server_name, options.port)
    set_environment(options)
    # From here on gradio is imported, which takes a second or two: not before the flags are right.
    # All that is made until the page is up stays until the end: looking for garbage in it costs a
    # tenth of the start, and later time and again.
    gc.disable()
    quick_gradio.install()
    from ui.page import build_page, head, theme
    from ui.running import make_server
    from ui.server import create_server

    context, loading = build_context(options)
    hosts = AllowedHosts(options.server_name, options.allowed_hosts)
    notices = Notices()
    app = create_server(
        context,
        build_page(context),
        options,
        port=port,
        hosts=hosts,
        notices=notices,
        look={"head": head(options.theme), "theme": theme()},
    )

    gc.freeze()
    gc.enable()

    def announce() -> None:
        address = local_address(options.server_name, port)
        print(f"Redraw {context.version}: {address}", flush=True)
        later = threading.Timer(LOADING_DELAY, loading.start)
        later.daemon = True
        later.start()
        if options.share:
            in_background(lambda: share(options, port, hosts, notices))
        if options.autolaunch:
            in_background(lambda: webbrowser.open(address))

    try:
        make_server(app, announce).run([listener])
    finally:
        context.engine.close()
        for downloads in (context.downloads, context.model_downloads):
            if downloads is not None:
                downloads.close()


def build_context(options: Options) -> "tuple[Context, BackgroundRun[Diffusion]]":
    """Settings, models, styles and engine; PyTorch is loaded later, by `BackgroundRun.start`."""
    from pipelines.batch.produce import BatchProduction
    from pipelines.catalog.folders import Kind, built_in_checkpoints, folders_for
    from pipelines.catalog.scan import FolderCatalog
    from pipelines.engine.engine import Engine
    from pipelines.engine.loading import BackgroundRun
    from pipelines.infotext import VERSION
    from pipelines.produce import Production
    from pipelines.settings_store import SettingsStore
    from pipelines.storage import Storage
    from pipelines.styles import StyleBook
    from ui.context import Context

    data_dir = options.data_dir
    settings = SettingsStore(data_dir / "config.json")
    models = (options.models_dir or data_dir / "models", HERE / "models")
    catalog = FolderCatalog(
        folders_for(Kind.checkpoint, models, extra=options.ckpt_dir),
        folders_for(Kind.vae, models, extra=options.vae_dir),
        data_dir / "cache",
        built_in=built_in_checkpoints(HERE / "models"),
        allow_pickles=options.allow_pickle,
        vae_path=options.vae_path,
    )
    control = build_control(options, models)

    def load() -> "Diffusion":
        from pipelines.diffusion.device import choose_policy
        from pipelines.diffusion.run import Diffusion

        policy = choose_policy(
            medvram=options.medvram, lowvram=options.lowvram, no_half_vae=options.no_half_vae
        )
        diffusion = Diffusion(policy, runner=control.preprocessors, models_dirs=models)
        in_background(lambda: preload(diffusion, catalog, settings.current))
        return diffusion

    loading = BackgroundRun(load)
    embeddings = networks(Kind.embedding, options, models)
    context = Context(
        engine=Engine(BatchProduction(Production(loading.denoise, Storage(data_dir)))),
        catalog=catalog,
        styles=StyleBook(data_dir / "styles.csv"),
        settings=settings,
        data_dir=data_dir,
        count_tokens=lambda texts, checkpoint: (
            loading.loaded.count_tokens(texts, checkpoint, settings.current, embeddings.files())
            if loading.loaded
            else None
        ),
        version=VERSION,
        folders=None if options.hide_ui_dir_config else allowed_folders(options),
        loras=networks(Kind.lora, options, models),
        embeddings=embeddings,
        control=control.menus,
        preprocessors=control.preprocessors,
        downloads=control.downloads,
    )
    return with_models(context, options, models), loading


def with_models(context: "Context", options: Options, models: Sequence[Path]) -> "Context":
    """The same, with the folders of models and wildcards, and what fetches more if it may."""
    from pipelines.catalog.folders import Kind, folders_for
    from pipelines.hub.client import Hub
    from pipelines.hub.downloads import ModelDownloads
    from pipelines.hub.orders import DOWNLOADABLE
    from pipelines.hub.places import ModelPlaces

    extra = {
        Kind.checkpoint: options.ckpt_dir,
        Kind.vae: options.vae_dir,
        Kind.controlnet: options.controlnet_dir,
    }
    folders = {kind: folders_for(kind, models, extra=extra.get(kind)) for kind in DOWNLOADABLE}
    places = ModelPlaces(folders=folders, named=options.is_local and not options.hide_ui_dir_config)
    downloads = None
    if options.is_local or options.allow_remote_downloads:
        downloads = ModelDownloads(
            Hub(), places.targets, options.data_dir / "cache", finished=context.renew
        )
    return replace(
        context,
        wildcards=wildcards(options, models),
        places=places,
        model_downloads=downloads,
        allow_pickles=options.allow_pickle,
    )


def networks(kind: "Kind", options: Options, models: Sequence[Path]) -> "FolderNetworks":
    """The LoRAs or embeddings in the folders `models`, listed when somebody asks for them."""
    from pipelines.catalog.folders import folders_for
    from pipelines.catalog.networks import FolderNetworks

    return FolderNetworks(
        folders_for(kind, models),
        kind,
        options.data_dir / "cache",
        allow_pickles=options.allow_pickle,
        within=None if options.is_local else models,
    )


def wildcards(options: Options, models: Sequence[Path]) -> "WildcardFolders":
    """The text files that prompts choose lines from, listed when a prompt names one."""
    from pipelines.prompting.wildcards import PLACE, WildcardFolders

    return WildcardFolders(
        (directory / folder for directory in models for folder in PLACE.folders),
        within=None if options.is_local else models,
    )


class Control(NamedTuple):
    """The parts of ControlNet that need no network."""

    menus: "ControlMenus"
    preprocessors: "PreprocessorRunner"
    downloads: "Downloads"


def build_control(options: Options, models: Sequence[Path]) -> Control:
    """What extensions offer and the folders in `models` hold, and what runs preprocessors."""
    from extensions.discovery import discover
    from pipelines.catalog.folders import Kind, folders_for
    from pipelines.catalog.weights import DetectorTools, WeightStore
    from pipelines.control.menus import ControlMenus
    from pipelines.control.models import ControlModels
    from pipelines.control.runner import PreprocessorRunner
    from pipelines.downloads import Downloads

    folders = folders_for(Kind.preprocessor, models)
    downloads = Downloads(folders[0])
    store = WeightStore(folders, fetch=downloads.fetch if options.allow_downloads else None)
    found = ControlModels(folders_for(Kind.controlnet, models, extra=options.controlnet_dir))
    menus = ControlMenus(plugins=discover(), models=found)
    if not options.allow_downloads:
        menus = replace(menus, require=store.folder_of)
    runner = PreprocessorRunner(DetectorTools(store, network_device))
    return Control(menus=menus, preprocessors=runner, downloads=downloads)


def network_device() -> str:
    """Where networks run, as torch names it; whoever asks waits until PyTorch is imported."""
    from pipelines.diffusion.device import choose_policy

    return choose_policy().device.type


def allowed_folders(options: Options) -> "AllowedFolders":
    """Folders that the page may name: what the flags say, and for this machine alone, outputs."""
    from pipelines.batch.folders import AllowedFolders
    from pipelines.storage import OUTPUTS

    own = (options.data_dir / OUTPUTS,) if options.is_local else ()
    return AllowedFolders(roots=(*options.allow_dirs, *own), base=options.data_dir)


def preload(diffusion: "Diffusion", catalog: "FolderCatalog", settings: "Settings") -> None:
    """Load the chosen model, so that the first click need not; a broken one is refused then."""
    from pipelines.catalog.checkpoints import check_for_img2img

    try:
        checkpoint = catalog.find(settings.sd_model_checkpoint)
        check_for_img2img(checkpoint)
        vae = catalog.choose_vae(
            checkpoint, settings.sd_vae, overrides=settings.sd_vae_overrides_per_model_preferences
        )
        diffusion.preload(checkpoint, settings, vae)
    except UserError as error:
        log.warning("The model is not loaded ahead: %s", error)


def set_environment(options: Options) -> None:
    """What the libraries read when they are imported: nothing is reported to anybody."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    # Uploads stay in a folder of ours rather than in one that all users of the machine share.
    os.environ.setdefault("GRADIO_TEMP_DIR", str(options.data_dir / "cache" / "gradio"))


def local_address(server_name: str, port: int) -> str:
    """Where the page is found on this machine."""
    name = "127.0.0.1" if server_name in ANY_ADDRESS else server_name
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def share(options: Options, port: int, hosts: AllowedHosts, notices: Notices) -> None:
    """Ask for the public link, and print what came of it."""
    from ui.share import open_link

    open_link(options.server_name, port, hosts, notices)
    print(notices.sentences[-1], flush=True)


def in_background(work: Callable[[], object]) -> None:
    """Do `work` on a thread that does not keep the program from ending."""
    threading.Thread(target=work, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
