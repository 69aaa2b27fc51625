"""The evaluation on a toy: every row runs, what is missing is said, the card is filled."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

import tools.demo_model.__main__ as making
from tools.demo_model import pictures
from tools.demo_model.canvas import LABELS, OBJECTS
from tools.demo_model.evaluate import Evaluation
from tools.demo_model.evaluation import editing, following, judge_training, obeying, table
from tools.demo_model.evaluation.bench import Bench, Parts
from tools.demo_model.evaluation.judge import Judge, JudgeNetwork, Seen, Verdict
from tools.demo_model.evaluation.prompts import Prompt, Wanted
from tools.demo_model.evaluation.rows import ROWS
from tools.demo_model.evaluation.table import Result, Row
from tools.demo_model.recipe import MINIATURE
from tools.demo_model.training import denoiser, embedding, library, lora, noise, tokenizer, vae
from tools.demo_model.training.controls import KINDS
from tools.demo_model.training.library import CLIPTokenizer, ControlNetModel

MEASURED = (
    *("vae", "time", "terrain", "objects", "colour", "side"),
    *("layout", "doodle", "inpaint", "strength", "seg", "lora", "embedding"),
)
CARD = f"# A model\n\n{table.BEGIN}\nold\n{table.END}\n\nThe end.\n"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """An untrained model of a few channels as a training leaves it, and what is added to it."""
    work: Path = tmp_path_factory.mktemp("evaluation")
    torch.manual_seed(0)
    recipe = MINIATURE.denoiser
    pictures.draw_all(work / "pictures", MINIATURE)
    tokenizer.save(work / "tokenizer", tokenizer.learn_merges(["a red house on green hills"]))
    vae.build(MINIATURE.vae).save_pretrained(work / "vae")
    words = CLIPTokenizer.from_pretrained(work / "tokenizer", local_files_only=True)
    denoiser.build_text_encoder(recipe, words).save_pretrained(work / "train" / "text_encoder")
    unet = denoiser.build_unet(recipe)
    unet.save_pretrained(work / "train" / "unet")
    controlnet = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 4, 4))
    controlnet.save_pretrained(work / "models" / "ControlNet" / "demo_seg")
    _add(work, work / "models")
    (work / "judge").mkdir()
    judge = Judge(JudgeNetwork((8, 8, 8, 8)), dict.fromkeys(OBJECTS, 20))
    judge.save(judge_training.judge_path(work), (8, 8, 8, 8))
    return Parts(demo=work / "train", models=work / "models", work=work)


def _add(work: Path, models: Path) -> None:
    """Inpainting, LoRA and embedding, as untrained as the model."""
    base = denoiser.Frozen(work / "tokenizer", work / "train")
    shape = {**base.unet.config, "in_channels": 9}
    inpainting = library.StableDiffusionInpaintPipeline(
        unet=library.UNet2DConditionModel.from_config(shape),
        vae=library.AutoencoderKL.from_pretrained(work / "vae"),
        text_encoder=base.text_encoder,
        tokenizer=base.tokenizer,
        scheduler=noise.build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    inpainting.save_pretrained(models / "Stable-diffusion" / "demo-inpainting")
    lora.add_to(base.unet, 2)
    lora.save(base.unet, models / "Lora" / "demo_ink.safetensors", 2)
    words = embedding.add_to(base, "demo_dusk", 2, ("red", "house"))
    embedding.save(words, models / "embeddings" / "demo_dusk.safetensors", 1)


def evaluation(parts: Parts, lines: list[str]) -> Evaluation:
    return Evaluation(parts, MINIATURE, judge_training.MINIATURE_JUDGE, lines.append)


@pytest.mark.parametrize("name", MEASURED)
def test_a_row_is_measured_on_a_few_pictures(parts: Parts, name: str):
    lines: list[str] = []
    text = evaluation(parts, lines).run([name], count=2)
    assert len(text.splitlines()) == 3
    assert "not there" not in text
    assert lines[-1].startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["inpaint", "canny", "lora", "embedding"])
def test_a_part_that_is_missing_is_said_to_be(parts: Parts, tmp_path: Path, name: str):
    lines: list[str] = []
    text = evaluation(replace(parts, models=tmp_path), lines).run([name], count=2)
    assert "| not there |" in text
    assert lines == [f"{name}: not there"]


def test_full_figures_go_into_the_card_and_stay_while_the_weights_do(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    measured: list[str] = []

    def row(name: str) -> Row:
        def measure(_: object) -> Result:
            measured.append(name)
            return Result(figure=f"{len(measured)} of {name}", reached=True)

        return Row(
            name=name, what=name, least="", needs=lambda parts: [parts.demo], measure=measure
        )

    monkeypatch.setattr("tools.demo_model.evaluate.ROWS", (row("time"), row("side")))
    monkeypatch.setattr(Evaluation, "judge_report", lambda _: {"terrain": 0.5})
    card = tmp_path / "README.md"
    card.write_text(CARD, encoding="utf-8")
    for only, expected in (((), ["time", "side"]), ((), []), (["side"], ["side"])):
        measured.clear()
        evaluation(parts, []).write(card, only)
        assert measured == expected
    text = card.read_text(encoding="utf-8")
    assert "| time | 1 of time |" in text
    assert "| side | 1 of side |" in text
    assert "old" not in text
    assert text.endswith(f"{table.END}\n\nThe end.\n")
    weights = parts.demo / "more.safetensors"
    weights.write_bytes(b"new")
    try:
        measured.clear()
        evaluation(parts, []).write(card, ["side"])
    finally:
        weights.unlink()
    assert "| time | not there |" in card.read_text(encoding="utf-8")


def test_a_card_without_a_place_for_the_table_is_refused(parts: Parts, tmp_path: Path):
    card = tmp_path / "README.md"
    card.write_text("# A model\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no place for the table"):
        evaluation(parts, []).write(card)


def test_the_judge_reports_its_own_accuracy(parts: Parts):
    report = evaluation(parts, []).judge_report()
    assert all(-1 <= figure <= 1 for figure in report.values())
    assert "time of day, through the VAE" in report
    kept = parts.work / "judge" / "report.json"
    assert json.loads(kept.read_text(encoding="utf-8")) == report


def test_the_tables_are_markdown():
    rows = ROWS[:2]
    result = Result(figure="28.00 dB / 0.810", reached=False, note="500 pictures")
    assert table.table(rows, {"vae": result}).splitlines()[2:] == [
        "| VAE: PSNR / SSIM | 28.00 dB / 0.810 | 30 dB / 0.90 | **no** | 500 pictures |",
        "| time of day right | not there | 95 % | | |",
    ]
    said = table.judge_table({"terrain": 0.991, "mean IoU of all labels": 0.9})
    assert said.splitlines()[2:] == ["| terrain | 99.1 % |", "| mean IoU of all labels | 0.900 |"]
    assert table.share([True, True, False, True]) == "75.0 % of 4"


def test_rows_have_names_of_their_own_and_every_controlnet_has_one():
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    assert set(KINDS) <= set(names)


def test_a_row_that_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        making.main(["evaluate", "--only", "time,smell", "--work", str(tmp_path)])
    assert "'smell' is no row; there are vae, time" in capsys.readouterr().err


def verdict(time: str, terrain: str, **objects: Seen) -> Verdict:
    nothing = np.zeros((2, 2), np.uint8)
    return Verdict(
        time=time, terrain=terrain, style="flat", labels=nothing, depth=nothing, objects=objects
    )


class Scenes:
    """Four prompts for a house or nothing, and what was seen."""

    def __init__(self) -> None:
        red = Wanted(name="house", colour="red", side="left")
        blue = Wanted(name="house", colour="blue", side="right")
        asked = [("day", (red,)), ("night", (red,)), ("day", (blue,)), ("day", ())]
        seen = [
            verdict("day", "hills", house=Seen(colour="red", x=0.2, y=0.5)),
            verdict("day", "hills"),
            verdict("day", "sea", house=Seen(colour="red", x=0.5, y=0.5)),
            verdict("day", "hills", tent=Seen(colour="red", x=0.2, y=0.5)),
        ]
        prompts = [
            Prompt(text="", time=time, terrain="hills", objects=wanted) for time, wanted in asked
        ]
        self.scenes = list(zip(prompts, seen, strict=True))


@pytest.mark.parametrize(
    ("measure", "figure"),
    [
        (following.time_of_day, "75.0 % of 4"),
        (following.terrain, "75.0 % of 4"),
        (following.colour, "33.3 % of 3"),  # one right, one wrong, one not there
        (following.side, "33.3 % of 3"),  # the middle is not the right side
    ],
)
def test_what_is_not_there_counts_as_wrong(measure: Callable[[Bench], Result], figure: str):
    assert measure(cast(Bench, Scenes())).figure == figure


def test_objects_count_when_named_and_when_not():
    result = following.objects(cast(Bench, Scenes()))
    # House: 2 of 3 and 1 of 1; tent: 3 of 4 unnamed; the other six are never there.
    assert result.figure == f"{100 * ((2 / 3 + 1) / 2 + 0.75 + 6) / 8:.1f} %"
    assert "seen when named 66.7 % of 3" in result.note


def test_an_empty_place_has_ground_at_its_foot_and_no_object():
    labels = np.full((256, 256), LABELS.index("sky"), np.uint8)
    labels[120:] = LABELS.index("ground")
    labels[150:200, :60] = LABELS.index("tree")
    box = editing.empty(labels)
    assert box is not None
    left, top, right, bottom = box
    assert labels[top:bottom, left:right].max() < LABELS.index("house")
    assert (labels[bottom - 20 : bottom, left:right] == LABELS.index("ground")).all()
    labels[120:] = LABELS.index("water")
    assert editing.empty(labels) is None


def test_the_strongest_edges_are_as_many_as_asked_for_even_in_a_faint_picture():
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, 20:] = 120
    picture[:, 44:] = 150
    for shown in (picture, picture // 2):
        few, many = (obeying.strongest_edges(shown, count) for count in (64, 128))
        assert set(np.nonzero(few)[1]) <= {19, 20}
        assert few.sum() == 64
        assert many.sum() == 128


def test_regions_of_one_colour_are_one_region_of_the_control():
    groups = [{LABELS[place] for place in region} for region in obeying.REGIONS]
    assert {"sky", "cloud"} in groups
    assert sum(map(len, groups)) == len(LABELS)
