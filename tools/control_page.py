"""Writes the tables of `docs/controlnet.md` from the code: `python -m tools.control_page`."""

from collections.abc import Iterator
from pathlib import Path

from extensions.discovery import discover
from extensions.preprocessors.unsupported import UNSUPPORTED
from pipelines.plugins import NO_PREPROCESSOR, Preprocessor

PAGE = Path(__file__).resolve().parents[1] / "docs" / "controlnet.md"
BEGIN, END = "<!-- tables begin -->", "<!-- tables end -->"


def tables() -> str:
    """The preprocessors by what they need, and those that are left out, as markdown."""
    plugins = discover()
    listed = [found for found in plugins.preprocessors if found.key != NO_PREPROCESSOR]
    free = [found for found in listed if not found.weights]
    weighted = [found for found in listed if found.weights]
    lines = [
        "### Without weights",
        "",
        "| preprocessor | control types |",
        "|---|---|",
        *(f"| `{found.label}` | {_types(found)} |" for found in free),
        "",
        "### With weights",
        "",
        "| preprocessor | control types | weights | licence |",
        "|---|---|---|---|",
        *(line for found in weighted for line in _weighted(found)),
        "",
        "### Not there, and why",
        "",
        "| preprocessor | reason |",
        "|---|---|",
        *(f"| `{label}` | {reason} |" for label, reason in UNSUPPORTED.items()),
    ]
    return "\n".join(lines)


def page(text: str) -> str:
    """`text` with the tables in their place."""
    before, rest = text.split(BEGIN, 1)
    return f"{before}{BEGIN}\n{tables()}\n{END}{rest.split(END, 1)[1]}"


def _weighted(found: Preprocessor) -> Iterator[str]:
    for place, weights in enumerate(found.weights):
        first = f"`{found.label}` | {_types(found)}" if place == 0 else " | "
        files = ", ".join(f"`{file}`" for file in weights.files)
        yield (
            f"| {first} | [{weights.repository}](https://huggingface.co/{weights.repository}): "
            f"{files}, into `{weights.name}` | {weights.licence} |"
        )


def _types(found: Preprocessor) -> str:
    return ", ".join(found.types) or "All only"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
