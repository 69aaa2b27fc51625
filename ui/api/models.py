"""Routes by which the Models tab follows its downloads."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request

from pipelines.errors import UserError
from pipelines.hub.downloads import Download, ModelDownloads


def describe(download: Download) -> dict[str, Any]:
    """A download at this moment, as JSON; `done` and `total` are bytes."""
    progress = download.progress
    return {
        "id": download.id,
        "name": download.order.target,
        "kind": download.order.kind.value,
        "repository": download.order.repository,
        "state": progress.state.value,
        "file": progress.file,
        "done": progress.done,
        "total": progress.total,
        "error": progress.error,
    }


def make_model_routes(
    downloads: ModelDownloads | None, current_user: Callable[[Request], str | None]
) -> APIRouter:
    """The routes below /internal/models; without `downloads`, there never are any."""
    router = APIRouter(prefix="/internal/models")

    def require(user: Annotated[str | None, Depends(current_user)]) -> None:
        if user is None:
            raise HTTPException(401, "Please log in first.")

    def listed(error: str | None = None) -> dict[str, Any]:
        found = () if downloads is None else downloads.listed()
        return {"downloads": [describe(download) for download in found], "error": error}

    def show(allowed: Annotated[None, Depends(require)]) -> dict[str, Any]:
        return listed()

    def press(
        button: Callable[[ModelDownloads, str], None],
    ) -> Callable[..., dict[str, Any]]:
        def pressed(number: str, allowed: Annotated[None, Depends(require)]) -> dict[str, Any]:
            if downloads is None or downloads.find(number) is None:
                raise HTTPException(404, "There is no such download (any more).")
            try:
                button(downloads, number)
            except UserError as error:
                return listed(str(error))
            return listed()

        return pressed

    router.add_api_route("/downloads", show, methods=["GET"])
    for name, button in (
        ("cancel", ModelDownloads.cancel),
        ("resume", ModelDownloads.resume),
        ("remove", ModelDownloads.remove),
    ):
        router.add_api_route(
            f"/downloads/{{number}}/{name}", press(button), methods=["POST"], name=f"{name} model"
        )
    return router
