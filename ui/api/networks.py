"""Routes by which the page shows cards of extra networks and completes their names."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from pipelines.catalog.cards import Order, Selection
from pipelines.catalog.folders import Kind
from pipelines.errors import InvalidPicture
from ui.network_cards import PAGES, NetworkCards

MOST_CARDS = 200
"""Of one answer; the page asks for more as somebody scrolls."""

LONGEST = 500  # characters of what is searched for

KEPT = {"Cache-Control": "private, max-age=86400"}
"""Addresses of previews change with the picture, so that browsers may keep them."""


def find_page(page: str) -> Kind:
    """The kind whose cards A1111's name of a page stands for."""
    if page not in PAGES:
        raise HTTPException(404, f"There is no page of cards {page[:40]!r}.")
    return PAGES[page]


Page = Annotated[Kind, Depends(find_page)]
Text = Annotated[str, Query(max_length=LONGEST)]


def make_network_routes(
    cards: NetworkCards, current_user: Callable[[Request], str | None]
) -> APIRouter:
    """The routes below /internal/networks; `current_user` knows whether somebody is logged in."""

    def require_user(user: Annotated[str | None, Depends(current_user)]) -> None:
        if user is None:
            raise HTTPException(401, "Please log in first.")

    router = APIRouter(prefix="/internal/networks", dependencies=[Depends(require_user)])

    def names() -> dict[str, Any]:
        return cards.names()

    def list_cards(
        kind: Page,
        search: Text = "",
        folder: Text = "",
        order: Order = Order.by_path,
        descending: bool = False,
        start: Annotated[int, Query(ge=0)] = 0,
        count: Annotated[int, Query(ge=1, le=MOST_CARDS)] = 60,
    ) -> dict[str, Any]:
        wanted = Selection(search=search, folder=folder, order=order, descending=descending)
        return cards.page(kind, wanted, start, count)

    def details(kind: Page, key: Text) -> dict[str, Any]:
        found = cards.details(kind, key)
        if found is None:
            raise HTTPException(404, "There is no such network (any more).")
        return found

    def preview(kind: Page, key: Text) -> Response:
        try:
            jpeg = cards.thumbnail(kind, key)
        except (InvalidPicture, OSError):
            jpeg = None
        if jpeg is None:
            raise HTTPException(404, "There is no preview picture.")
        return Response(jpeg, media_type="image/jpeg", headers=KEPT)

    def refresh(kind: Page) -> dict[str, Any]:
        cards.refresh(kind)
        return {}

    router.add_api_route("/names", names, methods=["GET"])
    router.add_api_route("/{page}/cards", list_cards, methods=["GET"])
    router.add_api_route("/{page}/details", details, methods=["GET"])
    router.add_api_route("/{page}/preview", preview, methods=["GET"])
    router.add_api_route("/{page}/refresh", refresh, methods=["POST"])
    return router
