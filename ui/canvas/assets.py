"""The canvas's script and style sheet, as they go into the page's head."""

from pathlib import Path

HERE = Path(__file__).parent

STYLE = HERE / "canvas.css"

SCRIPTS = tuple(
    HERE / name
    for name in (
        "tiles.js",
        "coverage.js",
        "edits.js",
        "flood.js",
        "png.js",
        "memory.js",
        "transport.js",
        "view.js",
        "tools.js",
        "pointer.js",
        "icons.js",
        "bars.js",
        "palette.js",
        "popovers.js",
        "settings.js",
        "canvas.js",
        "keys.js",
        "api.js",
    )
)
"""In the order they run, after `core.js` of the page: each builds on those before it."""
