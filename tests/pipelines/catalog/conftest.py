"""Models for the catalogue's tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.models import write_folder, write_safetensors, write_single_file


@pytest.fixture
def safetensors() -> Callable[..., Path]:
    return write_safetensors


@pytest.fixture
def folder() -> Callable[..., Path]:
    return write_folder


@pytest.fixture
def single_file() -> Callable[..., Path]:
    return write_single_file
