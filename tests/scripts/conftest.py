"""A copy of the project's commands in a folder of its own, with stand-ins for what they start."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What the commands take from the system besides bash.
SYSTEM_PROGRAMS = ("bash", "cat", "chmod", "cp", "dirname", "mkdir", "rm", "tee")

# Writes down how it was called; makes a .venv with itself in it; "installs" unless told not to.
PYTHON = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$REDRAW_TEST_LOG"
case "$*" in
    "-c "*executable_path*) printf '%s\\n' "$REDRAW_TEST_PLAYWRIGHT_CHROMIUM" ;;
    "-c "*version_info*) [ -z "${REDRAW_TEST_OLD_PYTHON:-}" ] ;;
    "-m venv --clear "*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" ;;
    "-m pip install "*) [ -z "${REDRAW_TEST_BROKEN_INSTALL:-}" ] ;;
    "-m ruff check") [ -z "${REDRAW_TEST_STYLE_FAULT:-}" ] ;;
    "-m pytest"*) printf 'chromium is %s\\n' "$REDRAW_CHROMIUM" ;;
esac
"""


@dataclass(frozen=True)
class Checkout:
    """The project in `folder`, whose commands find the programs of `programs` and no others."""

    folder: Path
    programs: Path
    log: Path

    def start(
        self, command: str, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Start scripts/`command` from another folder and wait for its end."""
        return subprocess.run(
            [self.folder / "scripts" / command, *arguments],
            cwd=self.programs,
            env={
                "PATH": str(self.programs),
                "REDRAW_TEST_LOG": str(self.log),
                "REDRAW_TEST_PLAYWRIGHT_CHROMIUM": str(self.folder / "no such chromium"),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self, containing: str = "") -> list[str]:
        """How Python was called so far, with the given words in it."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line for line in lines if containing in line]

    def add_program(self, name: str, script: str = "exit 0") -> Path:
        """Put a program on the PATH that runs the given lines of bash."""
        path = self.programs / name
        path.write_text(f"#!/usr/bin/env bash\n{script}\n")
        path.chmod(0o755)
        return path


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder = tmp_path / "a folder"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in SYSTEM_PROGRAMS:
        path = shutil.which(name)
        assert path, f"the commands need {name}"
        (programs / name).symlink_to(path)
    python = programs / "python3"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return Checkout(folder=folder, programs=programs, log=tmp_path / "log")
