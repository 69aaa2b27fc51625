"""Where the settings are kept: `config.json`, and the one object that owns what they are now."""

import dataclasses
import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from pipelines.errors import InvalidRequest, StorageFailed
from pipelines.files import write_atomically
from pipelines.settings import FIELDS, Settings

log = logging.getLogger(__name__)


def load(path: Path) -> Settings:
    """Settings from a `config.json`, which may be A1111's or a newer version's; never fails.

    A file that is not there means defaults. A file or a value that is of no use means defaults
    too, with a warning in the log, so that the program starts. Unknown keys are passed over.
    """
    settings = Settings()
    for key, value in _read(path).items():
        if key not in FIELDS or value is None:
            continue
        try:
            settings = settings.with_changes({key: value})
        except InvalidRequest as error:
            log.warning("Setting %s in %s is ignored. %s", key, path.name, error)
    return settings


def save(settings: Settings, path: Path) -> None:
    """Write all settings as JSON, atomically; keys in the file that are not ours are kept.

    A file that cannot be understood is first set aside as `config.json.broken`, so that nothing a
    user wrote is lost. StorageFailed when the disk refuses.
    """
    try:
        if path.exists() and not _is_sound(path):
            path.replace(path.with_name(f"{path.name}.broken"))
        kept = _read(path)
        text = json.dumps({**kept, **dataclasses.asdict(settings)}, indent=4, ensure_ascii=False)
        write_atomically(path, f"{text}\n".encode())
    except OSError as error:
        raise StorageFailed(f"Settings could not be saved to {path}: {error.strerror}.") from error


def _is_sound(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except (ValueError, RecursionError):
        return False


def _read(path: Path) -> dict[str, object]:
    """What the file holds; nothing, with a warning in the log, when it cannot be understood."""
    try:
        stored: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        log.warning("Settings in %s cannot be read, so defaults are used: %s", path, error)
        return {}
    if not isinstance(stored, dict):
        log.warning("Settings in %s are not one JSON object, so defaults are used.", path)
        return {}
    return cast(dict[str, object], stored)


class SettingsStore:
    """Owns the current settings and the file they live in; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._current = load(path)

    @property
    def current(self) -> Settings:
        """The settings as they are now."""
        return self._current

    def change(self, changes: Mapping[str, object]) -> Settings:
        """Validate, save to disk, then make current; nothing changes when either fails."""
        with self._lock:
            changed = self._current.with_changes(changes)
            save(changed, self._path)
            self._current = changed
            return changed
