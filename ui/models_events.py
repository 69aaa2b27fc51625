"""Handlers of the Models tab: searching, choosing, downloading, and using what came."""

import json
from dataclasses import dataclass, field
from typing import Any, cast

import gradio as gr

from pipelines.catalog.folders import Kind
from pipelines.errors import DownloadFailed, InvalidRequest, ModelNotFound, UserError
from pipelines.hub.client import Repository
from pipelines.hub.downloads import Download, ModelDownloads
from pipelines.hub.entries import SAFETENSORS, Entry, Group, entries_of
from pipelines.hub.guess import Guess, guess
from pipelines.hub.names import is_commit
from pipelines.hub.orders import DOWNLOADABLE, make_order
from pipelines.hub.places import installed
from pipelines.hub.query import read_query
from pipelines.hub.transfer import DownloadState, free_space, megabytes
from ui.context import Context
from ui.form_events import FormEvents
from ui.messages import error_html, plain_html
from ui.models_html import about_html, files_html, installed_html, results_html
from ui.vae_events import VaeEvents
from ui.values import UNCHANGED, Raw, Update

BY_HAND = "A file that was fetched elsewhere can be added by hand; see the table of folders."


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What the left column becomes; what is not named stays, but for the message.

    Download and its menu are only seen below an `about` that says something.
    """

    message: Update = ""
    results: Update = field(default_factory=gr.update)
    files: Update = field(default_factory=gr.update)
    kind: Update = field(default_factory=gr.update)
    about: Update = field(default_factory=gr.update)


Used = tuple[dict[str, Update], str]
"""Updates of the form by field, the VAE's menu as "vae" among them, and a message."""


class ModelsEvents:
    """Each handler's outputs are named in its description."""

    def __init__(self, context: Context, form: FormEvents, vaes: VaeEvents) -> None:
        self._context = context
        self._form = form
        self._vaes = vaes

    def installed(self) -> str:
        """The table of what is there."""
        context = self._context
        models = installed(context.places, context.catalog, context.loras, context.embeddings)
        return installed_html(models)

    def refresh(self) -> str:
        """The same after another look into the folders."""
        for kind in DOWNLOADABLE:
            self._context.renew(kind)
        return self.installed()

    def search(self, query: Raw) -> Shown:
        """A list of repositories, or what is in the one that was named."""
        try:
            hub = self._downloads.hub
            meant = read_query(str(query or ""), hub.hosts)
            if meant.repository:
                repository = hub.repository(meant.repository, meant.revision)
                return self._look_into(repository, meant.file)
            found = hub.search(meant.words)
        except UserError as error:
            return _failed(error)
        return Shown(results=results_html(found), files="", about="")

    def open(self, name: Raw) -> Shown:
        """What is in the repository that was chosen from the list."""
        try:
            return self._look_into(self._downloads.hub.repository(str(name)), "", keep_list=True)
        except UserError as error:
            return _failed(error)

    def pick(self, choice: Raw) -> Shown:
        """Kind and target of the entry that was chosen."""
        try:
            return self._settle(*self._find(choice))
        except UserError as error:
            return _failed(error)

    def change_kind(self, choice: Raw, kind: Raw) -> Shown:
        """The target for a kind that was chosen by hand."""
        try:
            repository, entry = self._find(choice)
            return Shown(about=self._about(repository, entry, Guess(kind=_kind(kind))))
        except UserError as error:
            return _failed(error)

    def download(self, choice: Raw, kind: Raw) -> Shown:
        """The beginning of the download, or why there is none."""
        try:
            order = make_order(*self._find(choice), _kind(kind))
            self._downloads.start(order)
        except UserError as error:
            return _failed(error)
        return Shown(message=plain_html(f"The download of {order.target} has begun."))

    def use(
        self, number: Raw, prompt: Raw, width: Raw, height: Raw
    ) -> tuple[dict[str, Update], str]:
        """The form with a downloaded model chosen, or its name put into the prompt."""
        found = self._downloads.find(str(number))
        if found is None or found.progress.state is not DownloadState.done:
            return {}, error_html("That model is not there yet.")
        self._context.renew(found.order.kind)
        match found.order.kind:
            case Kind.checkpoint:
                return self._use_checkpoint(found, width, height)
            case Kind.vae:
                menu, message = self._vaes.choose(found.path.name)
                return {"vae": menu}, message
            case Kind.lora:
                weight = self._context.settings.current.extra_networks_default_multiplier
                return _with_word(prompt, f"<lora:{found.path.stem}:{weight:g}>")
            case Kind.embedding:
                return _with_word(prompt, found.path.stem)
            case _:
                return {}, ""

    @property
    def _downloads(self) -> ModelDownloads:
        if self._context.model_downloads is None:
            raise InvalidRequest("Downloads are off on this server.")
        return self._context.model_downloads

    def _look_into(self, repository: Repository, file: str, *, keep_list: bool = False) -> Shown:
        """The entries of a repository; the first that can be had is chosen, or that of `file`."""
        entries = entries_of(repository, allow_pickles=self._context.allow_pickles)
        wanted = [entry for entry in entries if entry.key == file]
        if file and not wanted:
            raise InvalidRequest(f"{file} of {repository.name} is no model that Redraw could use.")
        usable = [entry for entry in entries if not entry.refusal]
        chosen = next(iter((*wanted, *usable)), None)
        listed = UNCHANGED if keep_list else ""
        files = files_html(repository, entries, chosen.key if chosen else "")
        if chosen is None:
            return Shown(results=listed, files=files, about="")
        settled = self._settle(repository, chosen)
        return Shown(
            message=settled.message,
            results=listed,
            files=files,
            kind=settled.kind,
            about=settled.about,
        )

    def _settle(self, repository: Repository, entry: Entry) -> Shown:
        if entry.refusal:
            return Shown(message=error_html(entry.refusal), about="")
        message, header = "", None
        if entry.group is Group.safetensors and entry.files[0].path.endswith(SAFETENSORS):
            try:
                header = self._downloads.hub.header(repository, entry.files[0])
            except DownloadFailed as error:  # such as for terms that are not accepted yet
                message = error_html(str(error))
        guessed = guess(entry, repository, header)
        return Shown(
            message=message,
            kind=guessed.kind.value,
            about=self._about(repository, entry, guessed),
        )

    def _about(self, repository: Repository, entry: Entry, guessed: Guess) -> str:
        try:
            order = make_order(repository, entry, guessed.kind)
        except InvalidRequest as error:  # of another kind it may be
            return about_html((), str(error))
        folder = self._downloads.folders[order.kind]
        remark = guessed.remark
        if (folder / order.target).exists():
            remark = f"There is a {order.target} already; it is kept, and this is not downloaded."
        parts = (
            guessed.family,
            f"{megabytes(order.size)} to {self._context.places.describe(order.kind)}",
            f"as {order.target}",
            f"{megabytes(free_space(folder))} are free",
        )
        return about_html(parts, remark)

    def _find(self, choice: Raw) -> tuple[Repository, Entry]:
        """What the page's script says was chosen: repository, commit and key, as JSON."""
        try:
            told: object = json.loads(str(choice))
        except ValueError:
            told = None
        chosen = cast("dict[str, Any]", told) if isinstance(told, dict) else {}
        name, commit, key = (str(chosen.get(part, "")) for part in ("repository", "commit", "key"))
        if is_commit(commit):
            repository = self._downloads.hub.repository(name, commit)
            for entry in entries_of(repository, allow_pickles=self._context.allow_pickles):
                if entry.key == key:
                    return repository, entry
        raise InvalidRequest("Choose a file first.")

    def _use_checkpoint(self, found: Download, width: Raw, height: Raw) -> Used:
        for checkpoint in self._context.catalog.checkpoints():
            if checkpoint.path == found.path:
                updates, message = self._form.change_checkpoint(checkpoint.title, width, height)
                menu = self._form.checkpoint_menu(checkpoint.title)
                return {**updates, "checkpoint": menu}, message
        raise ModelNotFound(f"{found.path.name} is no longer where it was.")


def _kind(value: Raw) -> Kind:
    for kind in DOWNLOADABLE:
        if kind.value == value:
            return kind
    raise InvalidRequest(f"There is no kind of model {str(value)[:80]!r}.")


def _failed(error: UserError) -> Shown:
    hint = plain_html(BY_HAND) if isinstance(error, DownloadFailed) else ""
    return Shown(message=error_html(str(error)) + hint)


def _with_word(prompt: Raw, word: str) -> Used:
    before = str(prompt or "").rstrip()
    return {"prompt": f"{before} {word}" if before else word}, ""
