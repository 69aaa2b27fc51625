"""Everything this program raises on purpose.

UserError              shown to the user as it is: one sentence, no traceback
├─ InvalidRequest      a field is out of range, or two fields contradict
├─ InvalidPicture      a picture cannot be read, or is larger than allowed
├─ ModelNotFound       a checkpoint, VAE or other model is not where it was looked for
│  └─ MissingWeights   a preprocessor's network is not there, but can be downloaded
├─ DownloadFailed      a file did not come, or not whole
├─ ModelBroken         a model is there but incomplete, damaged or of an unsupported kind
├─ PreprocessorFailed  a ControlNet preprocessor's own code failed on a picture
├─ OutOfMemory         the device ran out of memory even after every fallback
├─ QueueFull           as many jobs wait as the settings allow
├─ StorageFailed       a picture or a settings file could not be written
└─ StartRefused        the program will not start with these flags

Each message says what was wrong, what was given and what is allowed.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelines.plugins import Weights


class UserError(Exception):
    """Something a user can act on; its text is shown unchanged at every front door."""


class InvalidRequest(UserError):
    """A field is out of range, or two fields contradict each other."""


class InvalidPicture(UserError):
    """A picture cannot be read, or is larger than the limit."""


class ModelNotFound(UserError):
    """A model is not where it was looked for."""


class MissingWeights(ModelNotFound):
    """A preprocessor's network is not on this machine; `weights` says what to download."""

    def __init__(self, message: str, weights: "Weights") -> None:
        super().__init__(message)
        self.weights = weights


class DownloadFailed(UserError):
    """A file did not come, or did not come whole."""


class ModelBroken(UserError):
    """A model is there, but incomplete, damaged or of a kind that is not supported."""


class PreprocessorFailed(UserError):
    """A ControlNet preprocessor's own code failed on a picture."""


class OutOfMemory(UserError):
    """The device ran out of memory even after every fallback was tried."""


class QueueFull(UserError):
    """As many jobs are waiting as the settings allow."""


class StorageFailed(UserError):
    """A picture or a settings file could not be written."""


class StartRefused(UserError):
    """The program will not start with the flags it was given."""


def describe_unexpected(error: Exception) -> str:
    """One sentence for an error that nobody foresaw; its details are in the log."""
    lines = str(error).strip().splitlines()
    detail = f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
    return f"Something went wrong inside Redraw ({detail}); the console says more."
