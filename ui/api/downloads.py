"""Routes by which the page fetches the networks of preprocessors, when a person asks for it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request

from pipelines.downloads import Downloads
from pipelines.hub.transfer import DownloadProgress, DownloadState
from pipelines.plugins import Preprocessor, Weights


def weights_by_name(preprocessors: Iterable[Preprocessor]) -> Mapping[str, tuple[Weights, ...]]:
    """All that may be downloaded, by the folder it goes to: nothing else ever is."""
    found: dict[str, tuple[Weights, ...]] = {}
    for preprocessor in preprocessors:
        for weights in preprocessor.weights:
            known = found.get(weights.name, ())
            if weights not in known:
                found[weights.name] = (*known, weights)
    return found


def make_download_routes(
    downloads: Downloads,
    known: Mapping[str, tuple[Weights, ...]],
    current_user: Callable[[Request], str | None],
) -> APIRouter:
    """The routes below /internal/downloads; `current_user` knows whether somebody is logged in."""
    router = APIRouter(prefix="/internal/downloads")

    def require(name: str, user: Annotated[str | None, Depends(current_user)]) -> list[Weights]:
        if user is None:
            raise HTTPException(401, "Please log in first.")
        if name not in known:
            raise HTTPException(404, "There is nothing of this name to download.")
        return list(known[name])

    def progress(wanted: Annotated[list[Weights], Depends(require)]) -> dict[str, Any]:
        return describe([downloads.progress(weights) for weights in wanted])

    def start(wanted: Annotated[list[Weights], Depends(require)]) -> dict[str, Any]:
        for weights in wanted:
            downloads.start(weights)
        return progress(wanted)

    def cancel(wanted: Annotated[list[Weights], Depends(require)]) -> dict[str, Any]:
        for weights in wanted:
            downloads.cancel(weights)
        return progress(wanted)

    router.add_api_route("/{name}", progress, methods=["GET"])
    router.add_api_route("/{name}/start", start, methods=["POST"])
    router.add_api_route("/{name}/cancel", cancel, methods=["POST"])
    return router


def describe(parts: Iterable[DownloadProgress | None]) -> dict[str, Any]:
    """Downloads that belong together, as JSON; `done` and `total` are bytes.

    The state is "idle" before the first start, else that of the part that is least well.
    """
    started = [part for part in parts if part is not None]
    states = {part.state for part in started}
    order = (DownloadState.failed, DownloadState.running, DownloadState.cancelled)
    state = next((one for one in order if one in states), DownloadState.done)
    errors = [part.error for part in started if part.error]
    running = [part.file for part in started if part.state is DownloadState.running]
    return {
        "state": state.value if started else "idle",
        "file": next(iter(running), ""),
        "done": sum(part.done for part in started),
        "total": sum(part.total for part in started),
        "error": next(iter(errors), None),
    }
