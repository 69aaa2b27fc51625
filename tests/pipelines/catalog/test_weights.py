"""Where the weights of preprocessors are found, and what is said when they are not."""

from pathlib import Path

import huggingface_hub.constants
import pytest

from pipelines.catalog.weights import DetectorTools, WeightStore, file_in
from pipelines.errors import MissingWeights, ModelNotFound
from pipelines.plugins import Weights

ONE = Weights(name="edges", repository="somebody/Edges", files=("net/edges.pth",), licence="MIT")
TWO = Weights(name="lines", repository="somebody/Lines", files=("a.pth", "b.pth"), licence="MIT")
FOLDER = Weights(
    name="depth",
    repository="somebody/depth",
    files=("config.json", "model.safetensors"),
    licence="MIT",
)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache instead of the one of whoever runs this."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    return cache


def put(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.mark.parametrize(
    "place", ["edges/net/edges.pth", "edges/edges.pth", "any/edges.pth", "edges.pth"]
)
def test_a_file_is_found_where_we_or_a1111_put_it(tmp_path: Path, place: str):
    put(tmp_path / place)
    found = WeightStore([tmp_path / "none", tmp_path]).folder_of(ONE)
    assert file_in(found, "net/edges.pth") == tmp_path / place


def test_files_must_lie_together(tmp_path: Path):
    put(tmp_path / "x/a.pth", tmp_path / "y/b.pth")
    assert WeightStore([tmp_path]).find(TWO) is None
    put(tmp_path / "y/a.pth")
    assert WeightStore([tmp_path]).find(TWO) == tmp_path / "y"


def test_the_first_models_folder_wins(tmp_path: Path):
    put(tmp_path / "first/edges/edges.pth", tmp_path / "second/edges/edges.pth")
    store = WeightStore([tmp_path / "first", tmp_path / "second"])
    assert store.find(ONE) == tmp_path / "first/edges"


def test_the_config_of_another_model_is_not_taken_for_ours(tmp_path: Path):
    put(tmp_path / "other/config.json", tmp_path / "other/model.safetensors")
    assert WeightStore([tmp_path]).find(FOLDER) is None


def test_what_is_unfinished_does_not_count(tmp_path: Path):
    put(tmp_path / "edges/.unfinished/edges.pth", tmp_path / ".hidden/edges.pth")
    assert WeightStore([tmp_path]).find(ONE) is None


def test_the_cache_of_hugging_face_is_looked_at_last(tmp_path: Path, cache: Path):
    model = cache / "models--somebody--Edges"
    put(model / "snapshots/abc/net/edges.pth", model / "refs/main")
    (model / "refs/main").write_text("abc")
    store = WeightStore([tmp_path])
    assert store.find(ONE) == model / "snapshots/abc"
    put(tmp_path / "edges/edges.pth")
    assert store.find(ONE) == tmp_path / "edges"


def test_missing_weights_say_what_whose_and_where(tmp_path: Path):
    with pytest.raises(ModelNotFound) as caught:
        WeightStore([tmp_path]).folder_of(TWO)
    assert str(caught.value) == (
        "This preprocessor needs a.pth and b.pth from https://huggingface.co/somebody/Lines; let "
        "Redraw download it, or put it into models/ControlNetPreprocessor/lines."
    )
    assert isinstance(caught.value, MissingWeights)
    assert caught.value.weights == TWO


def test_weights_are_downloaded_only_if_that_was_allowed(tmp_path: Path):
    asked: list[Weights] = []

    def fetch(weights: Weights) -> None:
        asked.append(weights)
        put(tmp_path / "edges/edges.pth")

    store = WeightStore([tmp_path], fetch=fetch)
    assert store.folder_of(ONE) == store.folder_of(ONE) == tmp_path / "edges"
    assert asked == [ONE]


def test_the_networks_used_last_stay_loaded(tmp_path: Path):
    tools = DetectorTools(WeightStore([tmp_path]), device=lambda: "cpu")
    loaded: list[str] = []

    def use(name: str) -> None:
        def load() -> str:
            loaded.append(name)
            return name

        assert tools.network(name, load) == name

    for name in ("a", "b", "a", "c", "a", "b"):
        use(name)
    assert loaded == ["a", "b", "c", "b"]
    tools.release()
    use("a")
    assert loaded[-1] == "a"
    assert tools.device == "cpu"
