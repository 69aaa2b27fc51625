"""What the Models tab shows, as HTML; everything that came from the hub is escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from pipelines.catalog.folders import PICKLES, PLACES, Kind
from pipelines.hub.client import Found, Repository
from pipelines.hub.entries import Entry
from pipelines.hub.orders import DOWNLOADABLE
from pipelines.hub.places import Installed, ModelPlaces
from pipelines.hub.transfer import megabytes

MOST_ENTRIES = 300
"""Files of a repository, and models of one kind, that are listed."""


def label_of(kind: Kind) -> str:
    """A kind as a menu shows it."""
    return kind.value[0].upper() + kind.value[1:]


def kind_menu() -> list[tuple[str, str]]:
    """Label and value of each kind that can be chosen."""
    return [(label_of(kind), kind.value) for kind in DOWNLOADABLE]


def results_html(found: Sequence[Found]) -> str:
    """What a search found, each with a button to look into it."""
    if not found:
        return "<p>Nothing was found; try fewer or other words.</p>"
    rows = "".join(
        f'<tr><td><button type="button" class="models-open" data-repository="{escape(one.name)}">'
        f"{escape(one.name)}</button></td>"
        f"<td class='number'>{one.downloads:,}</td><td>{escape(one.licence) or '–'}</td>"
        f"<td>{'terms to accept' if one.gated else 'open'}</td><td>{escape(one.updated)}</td></tr>"
        for one in found
    )
    return (
        "<div class='models-scroll'><table class='models-table'><thead><tr><th>Repository</th>"
        "<th class='number'>Downloads</th><th>Licence</th><th>Access</th><th>Updated</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
    )


def files_html(repository: Repository, entries: Sequence[Entry], chosen: str) -> str:
    """What can be downloaded of a repository, group by group; `chosen` is the key of one."""
    name = escape(repository.name)
    access = " · terms to accept" if repository.gated else ""
    head = (
        f'<p><a href="https://huggingface.co/{name}" target="_blank" rel="noopener">{name}</a>'
        f" · licence {escape(repository.licence) or 'not told'}{access}</p>"
    )
    if not entries:
        return f"{head}<p>There is nothing here that Redraw could use.</p>"
    groups = "".join(
        f"<fieldset><legend>{group.value}</legend>"
        f"{''.join(_entry_html(entry, chosen) for entry in members)}</fieldset>"
        for group, members in groupby(entries[:MOST_ENTRIES], key=lambda entry: entry.group)
    )
    more = len(entries) - MOST_ENTRIES
    rest = f"<p>{more} more are not listed; paste the link to one of them.</p>" if more > 0 else ""
    return (
        f'{head}<div class="models-entries" data-repository="{name}" '
        f'data-commit="{repository.commit}">{groups}</div>{rest}'
    )


def _entry_html(entry: Entry, chosen: str) -> str:
    checked = " checked" if entry.key == chosen else ""
    size = megabytes(entry.size)
    several = f"{len(entry.files)} files, " if len(entry.files) > 1 else ""
    refused = " class='refused'" if entry.refusal else ""
    return (
        f'<label{refused}><input type="radio" name="models_entry" value="{escape(entry.key)}"'
        f"{checked}><span>{escape(entry.title)}</span><small>{several}{size}</small></label>"
    )


def about_html(parts: Iterable[str], remark: str) -> str:
    """A line about what was chosen, and what should be known before it is downloaded."""
    line = " · ".join(escape(part) for part in parts if part)
    note = f"<p class='note'>{escape(remark)}</p>" if remark else ""
    return (f"<p>{line}</p>" if line else "") + note


def installed_html(models: Iterable[Installed]) -> str:
    """The models that are there, kind by kind."""
    by_kind = dict(_by_kind(models))
    rows = "".join(_kind_html(kind, by_kind[kind]) for kind in DOWNLOADABLE if kind in by_kind)
    if not rows:
        return "<p>There are none.</p>"
    return (
        "<div class='models-scroll'><table class='models-table'><thead><tr><th>Name</th>"
        "<th>Family</th><th class='number'>Size</th><th>Hash</th></tr></thead>"
        f"{rows}</table></div>"
    )


def _by_kind(models: Iterable[Installed]) -> list[tuple[Kind, list[Installed]]]:
    ordered = sorted(models, key=lambda model: DOWNLOADABLE.index(model.kind))
    return [(kind, list(group)) for kind, group in groupby(ordered, lambda model: model.kind)]


def _kind_html(kind: Kind, models: Sequence[Installed]) -> str:
    rows = "".join(
        f"<tr><td>{escape(model.name)}</td><td>{escape(model.family) or '–'}</td>"
        f"<td class='number'>{megabytes(model.size)}</td><td><code>{model.hash or '–'}</code></td>"
        "</tr>"
        for model in models[:MOST_ENTRIES]
    )
    more = len(models) - MOST_ENTRIES
    if more > 0:
        rows += f"<tr><td colspan='4'>and {more} more</td></tr>"
    return (
        f"<tbody><tr><th colspan='4' scope='rowgroup'>{label_of(kind)} ({len(models)})</th></tr>"
        f"{rows}</tbody>"
    )


def places_html(places: ModelPlaces, *, allow_pickles: bool) -> str:
    """Which folder a file goes into that was fetched elsewhere."""
    rows = "".join(
        f"<tr><td>{label_of(kind)}</td><td><code>{escape(places.describe(kind))}</code></td>"
        f"<td>{_endings(kind, allow_pickles=allow_pickles)}</td></tr>"
        for kind in DOWNLOADABLE
    )
    return (
        "<p>Put the file into its folder and press Refresh; sub-folders are searched, too.</p>"
        "<div class='models-scroll'><table class='models-table'><thead><tr><th>Kind</th>"
        f"<th>Folder</th><th>Files</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _endings(kind: Kind, *, allow_pickles: bool) -> str:
    # Of control models, tensors alone are read from any file.
    opened = allow_pickles or kind is Kind.controlnet
    endings = [one for one in PLACES[kind].extensions if opened or one not in PICKLES]
    return ", ".join(endings) + (" or a diffusers folder" if PLACES[kind].folder_files else "")
