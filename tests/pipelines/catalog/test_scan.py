"""The catalogue: what is listed, under which names it is found, what is refused and why."""

import hashlib
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.catalog import scan
from pipelines.catalog.checkpoints import Layout
from pipelines.catalog.scan import FolderCatalog
from pipelines.errors import ModelBroken, ModelNotFound
from pipelines.imaging.geometry import Size
from tests.helpers.models import REFINER_TEXT

Make = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "models" / "Stable-diffusion"
    root.mkdir(parents=True)
    return root


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def names(catalog: FolderCatalog) -> list[str]:
    return [checkpoint.name for checkpoint in catalog.checkpoints()]


def test_folders_and_files_are_listed_at_any_depth(
    root: Path, cache: Path, folder: Make, safetensors: Make
):
    folder(root / "demo")
    folder(root / "more" / "Paint")
    safetensors(root / "more" / "deep" / "dreams.v2.SafeTensors")
    (root / "notes.txt").write_text("no model")
    (root / "more" / "preview.png").write_bytes(b"")
    assert names(FolderCatalog([root], [], cache)) == ["demo", "more/deep/dreams.v2", "more/Paint"]


def test_a_diffusers_folder_says_what_it_is(root: Path, cache: Path, folder: Make):
    path = folder(root / "demo", sample_size=32)
    (checkpoint,) = FolderCatalog([root], [], cache).checkpoints()
    weights = sorted(
        path.rglob("*.safetensors"), key=lambda file: file.relative_to(path).as_posix()
    )
    full = hashlib.sha256(b"".join(file.read_bytes() for file in weights)).hexdigest()
    assert checkpoint.path == path
    assert checkpoint.layout is Layout.folder
    assert checkpoint.default_size == Size(256, 256)
    assert checkpoint.short_hash == full[:10]
    assert checkpoint.title == f"demo [{full[:10]}]"


def test_a_single_file_has_a1111s_hash(root: Path, cache: Path, safetensors: Make):
    path = safetensors(root / "sub" / "dreams.safetensors")
    (checkpoint,) = FolderCatalog([root], [], cache).checkpoints()
    assert checkpoint.layout is Layout.file
    assert checkpoint.name == "sub/dreams"
    assert checkpoint.stem == "dreams"
    assert checkpoint.short_hash == hashlib.sha256(path.read_bytes()).hexdigest()[:10]
    assert checkpoint.default_size == Size(512, 512)


@pytest.mark.parametrize("sample_size", [None, "64", 0, -1, 10**9, [64, 64]])
def test_an_unusable_size_in_the_config_means_512(
    root: Path, cache: Path, folder: Make, sample_size: object
):
    folder(root / "demo", sample_size=sample_size)
    (checkpoint,) = FolderCatalog([root], [], cache).checkpoints()
    assert checkpoint.default_size == Size(512, 512)


def test_every_alias_selects_a_model(root: Path, cache: Path, folder: Make, single_file: Make):
    folder(root / "demo", fill=1)
    path = single_file(root / "sub" / "Dreams.safetensors", fill=2)
    catalog = FolderCatalog([root], [], cache)
    demo, dreams = catalog.checkpoints()
    full = hashlib.sha256(path.read_bytes()).hexdigest()
    legacy = hashlib.sha256(b"").hexdigest()[:8]
    for alias in (
        dreams.title, dreams.title.upper(), "sub/Dreams", "sub/dreams.safetensors", "dreams",
        " Dreams ", full, full[:10], full[:8].upper(), legacy, "ream", "sub/Dreams [0123456789]",
    ):  # fmt: skip
        assert catalog.find(alias) == dreams, alias
    for alias in (demo.title, "demo", demo.short_hash, "emo"):
        assert catalog.find(alias) == demo, alias


def test_a_part_of_several_titles_selects_the_shortest(root: Path, cache: Path, folder: Make):
    folder(root / "paint-long")
    folder(root / "paints")
    assert FolderCatalog([root], [], cache).find("pain").name == "paints"


def test_an_exact_name_wins_over_a_part(root: Path, cache: Path, folder: Make):
    folder(root / "a-long-demo")
    folder(root / "demo")
    assert FolderCatalog([root], [], cache).find("Demo").name == "demo"


def test_what_is_not_there_is_named_along_with_what_is(root: Path, cache: Path, folder: Make):
    folder(root / "demo")
    folder(root / "paint")
    with pytest.raises(ModelNotFound, match="'dreams'; there are: demo, paint"):
        FolderCatalog([root], [], cache).find("dreams")


def test_without_any_model_the_folders_are_named(root: Path, cache: Path):
    with pytest.raises(ModelNotFound, match="Stable-diffusion"):
        FolderCatalog([root, root.parent / "none"], [], cache).find("")


def test_no_name_means_the_first_folder_that_works(
    root: Path, cache: Path, folder: Make, safetensors: Make
):
    safetensors(root / "a.safetensors")
    (folder(root / "b") / "unet" / "config.json").unlink()
    folder(root / "c")
    assert FolderCatalog([root], [], cache).find("").name == "c"


def test_a_model_that_comes_with_the_program_is_known_and_chosen_where_nothing_was(
    tmp_path: Path, cache: Path, folder: Make
):
    folder(tmp_path / "mine" / "a-real-one")
    folder(tmp_path / "own" / "demo-inpainting", in_channels=9, fill=1)
    demo = folder(tmp_path / "own" / "demo", fill=2)
    catalog = FolderCatalog(
        [tmp_path / "mine", tmp_path / "own"],
        [],
        cache,
        built_in=[demo, demo.with_name("demo-inpainting")],
    )
    known = {checkpoint.name: checkpoint.built_in for checkpoint in catalog.checkpoints()}
    assert known == {"a-real-one": False, "demo": True, "demo-inpainting": True}
    assert catalog.find("").name == "demo"
    (demo / "unet" / "config.json").unlink()
    assert catalog.find("").name == "a-real-one"


def test_a_model_for_another_task_is_chosen_last(root: Path, cache: Path, folder: Make):
    folder(root / "a-painter", in_channels=9)
    catalog = FolderCatalog([root], [], cache)
    assert catalog.find("").name == "a-painter"
    folder(root / "plain", fill=1)
    catalog.refresh()
    assert catalog.find("").name == "plain"


@pytest.mark.parametrize(
    ("in_channels", "known"),
    [(4, 4), (9, 9), (8, 8), (None, 4), ("9", 4), (0, 4), (True, 4), ([9], 4)],
)
def test_what_the_network_takes_is_read_from_its_config(
    root: Path, cache: Path, folder: Make, in_channels: object, known: int
):
    folder(root / "demo", in_channels=in_channels)
    assert FolderCatalog([root], [], cache).find("demo").input_channels == known


def test_no_name_and_nothing_that_works_says_why(root: Path, cache: Path, folder: Make):
    (folder(root / "b") / "unet" / "config.json").unlink()
    with pytest.raises(ModelBroken, match=r"b: in its folder 'unet', config\.json cannot be read"):
        FolderCatalog([root], [], cache).find("")


def test_the_users_folder_comes_before_the_programs_own(tmp_path: Path, cache: Path, folder: Make):
    mine = folder(tmp_path / "mine" / "demo", fill=1)
    folder(tmp_path / "own" / "demo", fill=2)
    folder(tmp_path / "own" / "other")
    catalog = FolderCatalog([tmp_path / "mine", tmp_path / "own"], [], cache)
    assert names(catalog) == ["demo", "demo", "other"]
    assert catalog.find("demo").path == mine


def test_a_copy_in_another_root_is_listed_once(tmp_path: Path, cache: Path, folder: Make):
    folder(tmp_path / "mine" / "demo")
    folder(tmp_path / "program" / "demo")
    catalog = FolderCatalog([tmp_path / "mine", tmp_path / "program"], [], cache)
    assert [checkpoint.path for checkpoint in catalog.checkpoints()] == [tmp_path / "mine" / "demo"]


def test_a_folder_that_is_a_model_itself_is_listed(tmp_path: Path, cache: Path, folder: Make):
    assert names(FolderCatalog([folder(tmp_path / "demo")], [], cache)) == ["demo"]


def test_links_are_followed_and_loops_survived(
    tmp_path: Path, root: Path, cache: Path, folder: Make
):
    folder(tmp_path / "elsewhere" / "paint")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "loop").symlink_to(root)
    (tmp_path / "elsewhere" / "back").symlink_to(root)
    (root / "dangling").symlink_to(root / "nothing")
    (root / "dangling.safetensors").symlink_to(root / "nothing")
    assert names(FolderCatalog([root], [], cache)) == ["linked/paint"]


def test_what_cannot_be_read_is_left_out_and_logged(
    root: Path,
    cache: Path,
    folder: Make,
    safetensors: Make,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    folder(root / "demo")
    safetensors(root / "locked" / "a.safetensors")
    real = Path.iterdir

    def iterdir(path: Path):
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    with caplog.at_level(logging.WARNING):
        assert names(FolderCatalog([root], [], cache)) == ["demo"]
    assert "locked is passed over: Permission denied" in caplog.text


def test_hidden_entries_and_vaes_are_passed_over(
    root: Path, cache: Path, folder: Make, safetensors: Make
):
    folder(root / ".cache" / "demo")
    safetensors(root / ".hidden.safetensors")
    safetensors(root / "dreams.vae.safetensors")
    assert names(FolderCatalog([root], [], cache)) == []


def test_vaes_lie_in_their_folder_or_beside_checkpoints(
    tmp_path: Path, root: Path, cache: Path, safetensors: Make
):
    safetensors(tmp_path / "VAE" / "sharp.safetensors")
    beside = safetensors(root / "dreams.vae.safetensors")
    safetensors(root / "dreams.safetensors")
    catalog = FolderCatalog([root], [tmp_path / "VAE"], cache)
    assert catalog.vaes() == ("sharp.safetensors", "dreams.vae.safetensors")
    assert catalog.find_vae("dreams.vae.safetensors").path == beside
    beside.unlink()
    catalog.refresh()
    assert catalog.vaes() == ("sharp.safetensors",)


def test_a_refresh_finds_what_came_and_forgets_what_went(root: Path, cache: Path, folder: Make):
    old = folder(root / "old")
    catalog = FolderCatalog([root], [], cache)
    old.rename(root / "new")
    assert names(catalog) == ["old"]
    catalog.refresh()
    assert names(catalog) == ["new"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: (path / "model_index.json").write_text("{"), "model_index.json is not valid"),
        (lambda path: (path / "model_index.json").write_text("[]"), "must hold one JSON object"),
        (lambda path: (path / "unet" / "config.json").unlink(), "'unet', config.json cannot be"),
        (lambda path: (path / "unet" / "config.json").write_text("no"), "'unet', config.json is"),
        (lambda path: (path / "vae" / "model.safetensors").unlink(), "'vae', there are no safe"),
        (lambda path: (path / "vae").rename(path / "away"), "folder 'vae' is missing"),
        (lambda path: (path / "tokenizer" / "vocab.json").unlink(), "'tokenizer', there is"),
        (
            lambda path: (path / "scheduler" / "scheduler_config.json").write_text("{"),
            "'scheduler', scheduler_config.json is not",
        ),
        (
            lambda path: (path / "vae" / "model.safetensors").write_bytes(b"\x10"),
            "'vae', model.safetensors is not a whole safetensors file",
        ),
        (
            lambda path: os.truncate(
                path / "vae" / "model.safetensors",
                (path / "vae" / "model.safetensors").stat().st_size - 1,
            ),
            "'vae', model.safetensors holds",
        ),
    ],
)  # fmt: skip
def test_a_broken_folder_is_listed_and_refused_with_a_reason(
    root: Path, cache: Path, folder: Make, damage: Callable[[Path], None], reason: str
):
    damage(folder(root / "demo"))
    catalog = FolderCatalog([root], [], cache)
    assert names(catalog) == ["demo"]
    with pytest.raises(ModelBroken, match="Checkpoint 'demo' cannot be used") as caught:
        catalog.find("demo")
    assert reason in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_model_that_breaks_later_is_refused_and_works_again_once_mended(
    root: Path, cache: Path, folder: Make
):
    config = folder(root / "demo") / "unet" / "config.json"
    catalog = FolderCatalog([root], [], cache)
    config.rename(root / "aside")
    with pytest.raises(ModelBroken):
        catalog.find("demo")
    (root / "aside").rename(config)
    assert catalog.find("demo").name == "demo"


def test_a_pickle_is_listed_and_refused(root: Path, cache: Path):
    (root / "old.ckpt").write_bytes(b"PK")
    catalog = FolderCatalog([root], [], cache)
    assert names(catalog) == ["old"]
    with pytest.raises(ModelBroken, match="pickle"):
        catalog.find("old")


def test_a_pickle_is_chosen_where_pickles_are_allowed(root: Path, cache: Path):
    (root / "old.ckpt").write_bytes(b"PK")
    catalog = FolderCatalog([root], [], cache, allow_pickles=True)
    assert catalog.find("old").name == catalog.find("").name == "old"


def test_what_is_no_checkpoint_is_listed_and_refused_with_what_it_is(
    root: Path, cache: Path, safetensors: Make
):
    safetensors(root / "style.safetensors", ("lora_unet_mid_block.alpha",))
    catalog = FolderCatalog([root], [], cache)
    assert names(catalog) == ["style"]
    with pytest.raises(ModelBroken, match="is a LoRA; it belongs into models/Lora"):
        catalog.find("style")


def test_a_model_that_only_finishes_pictures_is_chosen_last(
    root: Path, cache: Path, single_file: Make
):
    single_file(root / "a-refiner.safetensors", text=REFINER_TEXT)
    single_file(root / "small.safetensors", fill=1)
    assert FolderCatalog([root], [], cache).find("").name == "small"


def test_a_corrupt_single_file_is_listed_and_refused(root: Path, cache: Path):
    (root / "bad.safetensors").write_bytes(b"not a model at all, but long enough")
    catalog = FolderCatalog([root], [], cache)
    assert names(catalog) == ["bad"]
    with pytest.raises(ModelBroken, match="not a whole safetensors file"):
        catalog.find("bad")


def test_a_large_model_is_hashed_in_the_background(
    root: Path, cache: Path, folder: Make, monkeypatch: pytest.MonkeyPatch
):
    folder(root / "demo")
    expected = FolderCatalog([root], [], cache / "other").find("demo").short_hash
    monkeypatch.setattr(scan, "HASHED_AT_ONCE", 0)
    catalog = FolderCatalog([root], [], cache)
    catalog.finish_hashing()
    assert catalog.find("demo").short_hash == expected
    assert len(expected) == 10


def test_a_title_from_before_the_hash_was_known_still_selects(
    root: Path, cache: Path, folder: Make
):
    folder(root / "demo")
    assert FolderCatalog([root], [], cache).find("demo [ffffffffff]").name == "demo"


def test_hundreds_of_files_are_listed_in_order(root: Path, cache: Path, safetensors: Make):
    for index in range(200):
        safetensors(root / f"m{index:03}.safetensors")
    assert names(FolderCatalog([root], [], cache)) == [f"m{index:03}" for index in range(200)]
