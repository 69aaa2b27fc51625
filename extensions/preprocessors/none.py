"""No preprocessor: the picture is the map."""

from pipelines.plugins import NO_PREPROCESSOR, Detected, Given, Preprocessor


def run(given: Given) -> Detected:
    """The picture as it is."""
    return Detected(pixels=given.picture)


PREPROCESSORS = (
    Preprocessor(key=NO_PREPROCESSOR, label=NO_PREPROCESSOR, run=run, resolution=None),
)
