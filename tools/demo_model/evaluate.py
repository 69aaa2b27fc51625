"""Measures what the finished model can do, prints it as one table and writes it into its card."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from pipelines.files import write_atomically
from tools.demo_model.evaluation import (
    judge_data,
    judge_report,
    judge_training,
    restoring,
    table,
)
from tools.demo_model.evaluation.bench import Bench, Parts
from tools.demo_model.evaluation.judge_training import JudgeRecipe
from tools.demo_model.evaluation.rows import ROWS
from tools.demo_model.evaluation.table import Result, Row
from tools.demo_model.recipe import Recipe
from tools.demo_model.training.library import AutoencoderKL

_RESTORED = 100  # held-out pictures that the judge sees through the VAE, too


class Evaluation:
    """The chosen rows on one model; figures of earlier runs stay while their weights do."""

    def __init__(
        self, parts: Parts, recipe: Recipe, judge: JudgeRecipe, log: Callable[[str], None]
    ) -> None:
        self._parts, self._recipe, self._judge, self._log = parts, recipe, judge, log

    def run(self, only: Sequence[str] = (), count: int | None = None) -> str:
        """The table of the chosen rows, all by default, on `count` pictures each if given."""
        rows = [row for row in ROWS if not only or row.name in only]
        return table.table(rows, dict(self._measured(rows, count)))

    def write(self, card: Path, only: Sequence[str] = ()) -> str:
        """Measures in full and puts all figures into the card.

        Figures are kept in the work folder with a checksum of the weights that they are about.
        While those are the same, only the rows in `only` are measured again.
        """
        if not table.has_place(card):
            raise ValueError(
                f"{card} has no place for the table: the lines {table.BEGIN} and {table.END}"
            )
        path = self._parts.work / "evaluation.json"
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        report = self.judge_report()
        weights = self._weights()
        current = {name for name in weights if kept.get(name, {}).get("weights") == weights[name]}
        rows = [row for row in ROWS if row.name in (only or weights.keys() - current)]
        for name, result in self._measured(rows, None):
            kept[name] = {"weights": weights[name], **asdict(result)}
            write_atomically(path, json.dumps(kept, indent=1).encode())
            current.add(name)
        results = {
            name: Result(**{key: kept[name][key] for key in ("figure", "reached", "note")})
            for name in current
        }
        text = f"{table.table(ROWS, results)}\n\n{table.judge_table(report)}"
        table.write_card(card, text)
        return text

    def judge_report(self) -> dict[str, float]:
        """How often the judge is right itself; found out once and kept in the work folder."""
        work = self._parts.work
        path = work / "judge" / "report.json"
        if not path.exists():
            bench = self._bench(None)
            network = AutoencoderKL.from_pretrained(work / "vae", dtype=torch.float32)
            few = bench.held_out.pictures[: bench.few(_RESTORED)]
            inked = judge_data.draw_ink(_RESTORED).pictures
            report = judge_report.report(
                bench.judge, bench.held_out, restoring.restore(network, few), inked
            )
            for what, figure in report.items():
                self._log(f"judge: {what} {figure}")
            write_atomically(path, json.dumps(report, indent=1).encode())
        return json.loads(path.read_text(encoding="utf-8"))

    def _bench(self, count: int | None) -> Bench:
        work, recipe = self._parts.work, self._recipe
        judge = judge_training.open_or_train(work, recipe, self._judge, self._log)
        return Bench(self._parts, recipe, judge, count)

    def _measured(self, rows: Sequence[Row], count: int | None) -> Iterator[tuple[str, Result]]:
        bench = self._bench(count)
        for row in rows:
            if not self._there(row):
                self._log(f"{row.name}: not there")
                continue
            began = time.monotonic()
            result = row.measure(bench)
            self._log(f"{row.name}: {result.figure}, {time.monotonic() - began:.0f} s")
            yield row.name, result

    def _there(self, row: Row) -> bool:
        return all(path.exists() for path in row.needs(self._parts))

    def _weights(self) -> dict[str, str]:
        """For each row whose parts are there, a checksum of what its figure rests on."""
        judge = judge_training.judge_path(self._parts.work)
        return {
            row.name: table.fingerprint([*row.needs(self._parts), judge])
            for row in ROWS
            if self._there(row)
        }
