"""The command line: A1111's flags, parsed and checked into one frozen object."""

import argparse
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import StartRefused
from ui.hosts import is_loopback

DEFAULT_PORT = 7860
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How to start.

    `server_name` is the address to listen on. `port` is None when a free one is to be looked for
    from 7860 upward. `accounts` are (user, password); nobody needs to log in when there are none.
    Folders are absolute; None means the default. `subpath` is "" or begins with a slash.
    `allow_dirs` are folders that the Batch tab may name, read and write. `allow_downloads` has a
    preprocessor's missing network fetched without asking; `allow_remote_downloads` lets others than
    this machine fetch models. `allow_pickle` opens checkpoints and VAEs that are Python pickles.
    """

    data_dir: Path
    server_name: str = LOOPBACK
    port: int | None = None
    share: bool = False
    accounts: tuple[tuple[str, str], ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    ckpt_dir: Path | None = None
    vae_dir: Path | None = None
    vae_path: Path | None = None
    controlnet_dir: Path | None = None
    models_dir: Path | None = None
    theme: str | None = None  # "light", "dark", or as the browser likes
    autolaunch: bool = False
    subpath: str = ""
    medvram: bool = False
    lowvram: bool = False
    no_half_vae: bool = False
    allow_dirs: tuple[Path, ...] = ()
    hide_ui_dir_config: bool = False
    allow_downloads: bool = False
    allow_remote_downloads: bool = False
    allow_pickle: bool = False

    @property
    def is_local(self) -> bool:
        """Whether, by all that the flags say, only this machine comes in."""
        proxied = self.allowed_hosts or self.subpath
        return is_loopback(self.server_name) and not self.share and not proxied


def make_parser() -> argparse.ArgumentParser:
    """Every flag with its help; --help is printed from it."""
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Redraw: img2img on your own machine.",
        epilog="Flags may also be given in the environment variable COMMANDLINE_ARGS.",
        allow_abbrev=False,
    )
    net = parser.add_argument_group("who may come in")
    net.add_argument("--port", type=int, help="port; without it, the first free one from 7860")
    net.add_argument("--listen", action="store_true", help="listen on all network addresses")
    net.add_argument("--server-name", metavar="ADDRESS", help="address to listen on")
    net.add_argument("--share", action="store_true", help="make a public Gradio link")
    net.add_argument("--gradio-auth", metavar="USER:PASSWORD[,...]", help="accounts")
    net.add_argument(
        "--gradio-auth-path",
        type=Path,
        metavar="FILE",
        help="file of accounts, user:password, separated by commas or lines",
    )
    net.add_argument(
        "--insecure", action="store_true", help="let the network in without any account"
    )
    net.add_argument(
        "--allowed-hosts", metavar="NAME[,...]", help="further names this server is reached by"
    )
    net.add_argument("--subpath", metavar="/PATH", default="", help="prefix added by a proxy")
    _add_places(parser)
    page = parser.add_argument_group("page")
    page.add_argument("--theme", choices=("light", "dark"), help="default: as the browser likes")
    page.add_argument("--autolaunch", action="store_true", help="open the page in the browser")
    page.add_argument(
        "--hide-ui-dir-config", action="store_true", help="the page names no folder of this machine"
    )
    memory = parser.add_argument_group("memory of the graphics card")
    memory.add_argument("--medvram", action="store_true", help="keep one part of the model on it")
    memory.add_argument("--lowvram", action="store_true", help="keep one layer on it; slow")
    memory.add_argument("--no-half-vae", action="store_true", help="run the VAE in fp32")
    return parser


def _add_places(parser: argparse.ArgumentParser) -> None:
    """Folders, and what may be fetched into them or read from them."""
    folder: dict[str, Any] = {"type": Path, "metavar": "FOLDER"}
    places = parser.add_argument_group("where things are")
    places.add_argument("--data-dir", **folder, help="settings and outputs; default: here")
    places.add_argument("--models-dir", **folder, help="models, in A1111's sub-folders")
    places.add_argument("--ckpt-dir", **folder, help="checkpoints, searched first")
    places.add_argument("--vae-dir", **folder, help="VAEs, searched first")
    places.add_argument(
        "--vae-path", type=Path, metavar="FILE", help="this VAE for every checkpoint, always"
    )
    places.add_argument("--controlnet-dir", **folder, help="ControlNets, searched first")
    places.add_argument(
        "--allow-dir",
        **folder,
        action="append",
        default=[],
        help="folder that the Batch tab may read from and write to; may be given several times",
    )
    places.add_argument(
        "--allow-downloads",
        action="store_true",
        help="fetch missing networks of preprocessors from Hugging Face without asking",
    )
    places.add_argument(
        "--allow-remote-downloads",
        action="store_true",
        help="let everybody who may come in fetch models from Hugging Face, not this machine alone",
    )
    places.add_argument(
        "--allow-pickle",
        action="store_true",
        help="open .ckpt and .pt models too, for their weights alone",
    )


def parse(
    arguments: Sequence[str], *, default_dir: Path, environment: Mapping[str, str] = os.environ
) -> Options:
    """Options from the command line and COMMANDLINE_ARGS; the command line wins.

    `default_dir` is the data folder when none is given. StartRefused says in one sentence what is
    wrong; unknown flags end the program as argparse does.
    """
    try:
        inherited = shlex.split(environment.get("COMMANDLINE_ARGS", ""))
    except ValueError as error:
        raise StartRefused(f"COMMANDLINE_ARGS cannot be read: {error}.") from error
    given = make_parser().parse_args([*inherited, *arguments])
    options = Options(
        data_dir=(given.data_dir or default_dir).absolute(),
        server_name=_server_name(given),
        port=_port(given.port),
        share=given.share,
        accounts=_accounts(given.gradio_auth, given.gradio_auth_path),
        allowed_hosts=_split(given.allowed_hosts or ""),
        ckpt_dir=_existing("--ckpt-dir", given.ckpt_dir),
        vae_dir=_existing("--vae-dir", given.vae_dir),
        vae_path=_existing_file("--vae-path", given.vae_path),
        controlnet_dir=_existing("--controlnet-dir", given.controlnet_dir),
        models_dir=_existing("--models-dir", given.models_dir),
        theme=given.theme,
        autolaunch=given.autolaunch,
        subpath=_subpath(given.subpath),
        medvram=given.medvram,
        lowvram=given.lowvram,
        no_half_vae=given.no_half_vae,
        allow_dirs=tuple(_existing_folder("--allow-dir", folder) for folder in given.allow_dir),
        hide_ui_dir_config=given.hide_ui_dir_config,
        allow_downloads=given.allow_downloads,
        allow_remote_downloads=given.allow_remote_downloads,
        allow_pickle=given.allow_pickle,
    )
    _require_accounts(given, options)
    return options


def _server_name(given: argparse.Namespace) -> str:
    name = given.server_name or (EVERYWHERE if given.listen else LOOPBACK)
    return name.strip().strip("[]").lower()


def _port(port: int | None) -> int | None:
    if port is not None and not 0 <= port <= 65535:
        raise StartRefused(f"--port must lie between 0 and 65535, got {port}; 0 means any.")
    return port


def _subpath(text: str) -> str:
    path = text.strip("/")
    if path and not re.fullmatch(r"[\w.~/-]+", path, re.ASCII):
        raise StartRefused(f"--subpath may hold letters, digits and any of /-_.~, got {text!r}.")
    return f"/{path}" if path else ""


def _existing(flag: str, folder: Path | None) -> Path | None:
    return None if folder is None else _existing_folder(flag, folder)


def _existing_folder(flag: str, folder: Path) -> Path:
    if not folder.is_dir():
        raise StartRefused(f"{flag} must name a folder, and {str(folder)!r} is none.")
    return folder.absolute()


def _existing_file(flag: str, path: Path | None) -> Path | None:
    if path is None:
        return None
    if not path.is_file():
        raise StartRefused(f"{flag} must name a file, and {str(path)!r} is none.")
    return path.absolute()


def _split(text: str) -> tuple[str, ...]:
    """The non-empty entries between commas and line ends."""
    return tuple(part.strip() for part in re.split(r"[,\r\n]", text) if part.strip())


def _accounts(text: str | None, path: Path | None) -> tuple[tuple[str, str], ...]:
    """Accounts of both flags together; passwords may hold colons, but no commas."""
    entries = [("--gradio-auth", entry) for entry in _split(text or "")]
    if path is not None:
        try:
            content = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise StartRefused(f"--gradio-auth-path {str(path)!r}: {reason}.") from error
        entries += [("--gradio-auth-path", entry) for entry in _split(content)]
    accounts: dict[str, str] = {}
    for flag, entry in entries:
        name, _, password = entry.partition(":")
        if not name or not password:
            raise StartRefused(f"{flag} takes user:password, separated by commas.")
        accounts[name] = password
    for flag, given in (("--gradio-auth", text), ("--gradio-auth-path", path)):
        if given is not None and not any(source == flag for source, _ in entries):
            raise StartRefused(f"{flag} names no account; it takes user:password.")
    return tuple(accounts.items())


def _require_accounts(given: argparse.Namespace, options: Options) -> None:
    """Nobody on the network comes in without a password, unless that was asked for outright."""
    if options.accounts or given.insecure:
        return
    if given.share:
        flag = "--share"
    elif not is_loopback(options.server_name):
        flag = "--server-name" if given.server_name else "--listen"
    else:
        return
    raise StartRefused(
        f"{flag} lets others in, so it needs --gradio-auth user:password (or --gradio-auth-path); "
        "add --insecure to start without."
    )
