"""The table of what was measured: its rows, its layout, and its place in the model card."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.demo_model.evaluation.bench import Bench, Parts

BEGIN, END = "<!-- evaluation begins -->", "<!-- evaluation ends -->"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a row came to."""

    figure: str
    reached: bool
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """Something to measure."""

    name: str  # what --only calls it
    what: str
    least: str  # that it must reach, in words
    needs: Callable[[Parts], Sequence[Path]]  # files and folders; where one is missing, no figure
    measure: Callable[[Bench], Result]


def mean(right: Sequence[bool]) -> float:
    """The share of yes, 0 to 1; 0 where nothing was asked."""
    return sum(right) / len(right) if right else 0.0


def share(right: Sequence[bool]) -> str:
    """The share of yes and of how many, as "97.5 % of 200"."""
    return f"{percent(mean(right))} of {len(right)}"


def percent(fraction: float) -> str:
    """As "97.5 %"."""
    return f"{100 * fraction:.1f} %"


def table(rows: Sequence[Row], results: Mapping[str, Result]) -> str:
    """A markdown table; rows without a result are "not there"."""
    lines = ["| what | measured | at least | reached | |", "|---|---|---|---|---|"]
    for row in rows:
        result = results.get(row.name)
        if result is None:
            lines.append(f"| {row.what} | not there | {row.least} | | |")
            continue
        reached = "yes" if result.reached else "**no**"
        lines.append(f"| {row.what} | {result.figure} | {row.least} | {reached} | {result.note} |")
    return "\n".join(lines)


def judge_table(report: Mapping[str, float]) -> str:
    """A markdown table of the judge's own accuracy, its figures from 0 to 1."""
    lines = ["| the judge itself, on held-out drawn pictures | |", "|---|---|"]
    for what, figure in report.items():
        alike = "IoU" in what or "F1" in what or "correlation" in what
        lines.append(f"| {what} | {f'{figure:.3f}' if alike else percent(figure)} |")
    return "\n".join(lines)


def has_place(card: Path) -> bool:
    """Whether the card has both markers."""
    if not card.exists():
        return False
    text = card.read_text(encoding="utf-8")
    return -1 < text.find(BEGIN) < text.find(END)


def write_card(card: Path, text: str) -> None:
    """Puts `text` between the two markers, in place of what is there."""
    before, rest = card.read_text(encoding="utf-8").split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    card.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def fingerprint(paths: Sequence[Path]) -> str:
    """A checksum of all weights in these files and folders."""
    digest = hashlib.sha256()
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.suffix in (".safetensors", ".pt"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
