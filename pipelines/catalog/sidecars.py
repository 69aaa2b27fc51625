"""What the small files beside a checkpoint say about it: `<name>.yaml` and `<name>.json`."""

import re
from pathlib import Path

from pipelines.catalog.headers import read_json
from pipelines.catalog.kinds import Prediction
from pipelines.errors import ModelBroken

_MAX_CONFIG_BYTES = 1_000_000

# A line of the original programs' configuration; that is all that is wanted of it, and reading it
# so costs no YAML of unknown origin.
_PARAMETERISATION = re.compile(r"""^[ \t]*parameterization[ \t]*:[ \t]*["']?(\w+)""", re.MULTILINE)


def config_beside(checkpoint: Path) -> Path | None:
    """The `.yaml` of the same name, where there is one."""
    config = checkpoint.with_suffix(".yaml")
    return config if config.is_file() else None


def prediction_beside(checkpoint: Path) -> Prediction | None:
    """What the `.yaml` beside a checkpoint says its UNet predicts; None where there is none.

    A configuration that is silent means noise, as in the original programs.
    """
    config = config_beside(checkpoint)
    if config is None:
        return None
    try:
        with config.open("rb") as file:
            text = file.read(_MAX_CONFIG_BYTES).decode("utf-8", errors="replace")
    except OSError as error:
        raise ModelBroken(f"{config.name} cannot be read: {error.strerror}.") from error
    found = _PARAMETERISATION.search(text)
    stated = found.group(1) if found else "eps"
    match stated:
        case "v":
            return Prediction.velocity
        case "eps":
            return Prediction.noise
        case _:
            raise ModelBroken(
                f"{config.name} says that the model predicts {stated!r}; it must be eps or v."
            )


def preferred_vae(checkpoint: Path) -> str | None:
    """The VAE that the user chose for a checkpoint in A1111, kept in the `.json` beside it.

    None where nothing is said, or what is said cannot be read: it is but a preference.
    """
    notes = checkpoint.with_suffix(".json")
    if not notes.is_file():
        return None
    try:
        name = read_json(notes).get("vae")
    except ModelBroken:
        return None
    return name if isinstance(name, str) and name else None
