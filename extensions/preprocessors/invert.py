"""Invert: makes a map, white lines on black, out of a drawing with black lines on white."""

from pipelines.plugins import Detected, Given, Preprocessor


def run(given: Given) -> Detected:
    """255 minus every value."""
    return Detected(pixels=255 - given.picture)


PREPROCESSORS = (
    Preprocessor(
        key="invert",
        label="invert (from white bg & black line)",
        run=run,
        types=("Canny", "Lineart", "MLSD", "Scribble"),
        priority=50,  # second wherever it is listed
        resolution=None,
    ),
)
