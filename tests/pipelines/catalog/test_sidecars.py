"""The small files beside a checkpoint."""

import json
from pathlib import Path

import pytest

from pipelines.catalog.kinds import Prediction
from pipelines.catalog.sidecars import config_beside, prediction_beside, preferred_vae
from pipelines.errors import ModelBroken


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('model:\n  params:\n    parameterization: "v"\n', Prediction.velocity),
        ("  parameterization: v", Prediction.velocity),
        ("parameterization: 'eps'", Prediction.noise),
        ("model:\n  target: a\n", Prediction.noise),
        ("# parameterization: v", Prediction.noise),
        ("", Prediction.noise),
    ],
)
def test_the_config_says_what_is_predicted(tmp_path: Path, text: str, expected: Prediction):
    (tmp_path / "v2.1.yaml").write_text(text)
    assert prediction_beside(tmp_path / "v2.1.safetensors") is expected


def test_without_a_config_nothing_is_said(tmp_path: Path):
    assert config_beside(tmp_path / "a.safetensors") is None
    assert prediction_beside(tmp_path / "a.safetensors") is None


def test_an_unknown_prediction_is_refused(tmp_path: Path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\nparameterization: x0\n")
    with pytest.raises(ModelBroken, match=r"a\.yaml says .* 'x0'; it must be eps or v"):
        prediction_beside(tmp_path / "a.safetensors")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (json.dumps({"vae": "sharp.pt", "notes": "x"}), "sharp.pt"),
        (json.dumps({"vae": ""}), None),
        (json.dumps({"vae": 7}), None),
        (json.dumps({}), None),
        ("{", None),
    ],
)
def test_a_vae_may_be_preferred(tmp_path: Path, text: str, expected: str | None):
    (tmp_path / "dreams.json").write_text(text)
    assert preferred_vae(tmp_path / "dreams.safetensors") == expected
    assert preferred_vae(tmp_path / "others.safetensors") is None
