"""From files to networks: the libraries, the state dicts in the files, networks filled with them.

Files are opened as data only: nothing in them can run.
"""

import io
import pickle
import sys
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.catalog.weights import file_in
from pipelines.errors import ModelBroken
from pipelines.plugins import Weights

ANNOTATORS = "lllyasviel/Annotators"
"""The repository of most detectors' files."""

Untyped = Any
"""What libraries without types give: modules, networks, tensors."""

State = dict[str, Any]


def library(name: str) -> Untyped:
    """A module of a heavy library; `Tools.device` must have been asked before.

    Warnings while it is imported are about its old names for others and about packages that it
    could use besides; nobody here can act on them.
    """
    if name in sys.modules:
        return sys.modules[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module(name)


def read_state(folder: Path, file: str, *, part: str = "") -> State:
    """The tensors in a PyTorch file, by name, on the CPU.

    `part` names the entry that holds them in files that hold more. "module." before every name,
    which training on several devices leaves there, is taken off. ModelBroken for what is no such
    file.
    """
    path = _existing(folder, file)
    try:
        state = library("torch").load(path, map_location="cpu", weights_only=True)
        state = state.get(part, state)
        return {name.removeprefix("module."): tensor for name, tensor in state.items()}
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError, OSError) as error:
        raise ModelBroken(
            f"{path.name} cannot be read: it is damaged, or no file of weights; download it again."
        ) from error


def filled(network: Untyped, state: Mapping[str, Any], file: str) -> Untyped:
    """`network` with the tensors of `state`, ready to use; ModelBroken if some are not there.

    Tensors that the network lacks are passed over: published files carry tables that newer releases
    of the libraries compute, and lack others that they compute, too.
    """
    try:
        missing, _ = network.load_state_dict(state, strict=False)
        lacking = [name for name in missing if "relative_position_index" not in name]
    except (RuntimeError, AttributeError, TypeError, KeyError) as error:
        raise _not_this_one(file) from error
    if lacking:
        raise _not_this_one(file)
    return network.eval()


def as_file(state: State) -> io.BytesIO:
    """`state` as a file in memory, for classes that only take files and leave out the device."""
    buffer = io.BytesIO()
    library("torch").save(state, buffer)
    buffer.seek(0)
    return buffer


def pretrained(model_class: Untyped, folder: Path, weights: Weights) -> Untyped:
    """A model of transformers from a folder with its config.json, in float32, ready to use.

    ModelBroken if it cannot be made or most of its tensors are not there: transformers would go on
    with random ones.
    """
    try:
        model, found = model_class.from_pretrained(
            str(folder),
            local_files_only=True,
            output_loading_info=True,
            dtype=library("torch").float32,
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise _not_this_one(weights.repository) from error
    if 2 * len(found["missing_keys"]) > len(model.state_dict()):
        raise _not_this_one(weights.repository)
    return model.eval()


def onnx_network(folder: Path, file: str) -> Untyped:
    """A network in an ONNX file, for OpenCV to run on the CPU; ModelBroken if it cannot be read."""
    import cv2

    path = _existing(folder, file)
    try:
        return cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as error:
        raise _not_this_one(path.name) from error


def _existing(folder: Path, file: str) -> Path:
    path = file_in(folder, file)
    if path is None:
        raise ModelBroken(f"{file} has been taken away meanwhile; put it back or download it.")
    return path


def _not_this_one(name: str) -> ModelBroken:
    return ModelBroken(
        f"The weights {name} do not fit this preprocessor's network: they are damaged, or another "
        "network's; download them again."
    )
