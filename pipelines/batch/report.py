"""What became of each file of a batch."""

from collections import Counter
from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """How a file ended; values are what people read."""

    done = "done"
    skipped = "skipped"  # it could not be used, or Skip was pressed
    failed = "failed"  # the run gave up
    interrupted = "interrupted"


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReport:
    """One file: its name below the input folder, how it ended, where its results lie, and why.

    `saved` are names of files. `notes` are sentences.
    """

    name: str
    outcome: Outcome
    saved: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchReport:
    """All files of a batch in order; `unreached` were left when it ended.

    `made` pictures came out, of which the first `shown` are kept to be shown. `notes` are about
    the whole batch, a sentence each.
    """

    files: tuple[FileReport, ...]
    unreached: int = 0
    made: int = 0
    shown: int = 0
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Such as "3 files: 2 done, 1 skipped."."""
        counts = Counter(file.outcome for file in self.files)
        parts = [f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome]]
        parts += [f"{self.unreached} not reached"] if self.unreached else []
        total = len(self.files) + self.unreached
        return f"{total} {'file' if total == 1 else 'files'}: {', '.join(parts)}."
