"""The judge learns what pictures show, from drawn pictures alone."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tools.demo_model import pictures
from tools.demo_model.canvas import LABELS, OBJECTS, Bytes
from tools.demo_model.evaluation import judge_data, judge_training
from tools.demo_model.evaluation.judge import (
    COLOURS,
    SIDE,
    TIME_NAMES,
    Judge,
    JudgeNetwork,
    Outputs,
    side_of,
)
from tools.demo_model.evaluation.judge_training import MINIATURE_JUDGE, best_threshold
from tools.demo_model.recipe import MINIATURE
from tools.demo_model.training import vae

SMALL = (8, 8, 8, 8)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn pictures and an untrained VAE."""
    folder: Path = tmp_path_factory.mktemp("judge")
    pictures.draw_all(folder / "pictures", MINIATURE)
    torch.manual_seed(0)
    vae.build(MINIATURE.vae).save_pretrained(folder / "vae")
    return folder


@pytest.fixture(scope="module")
def judge(work: Path) -> Judge:
    return judge_training.open_or_train(work, MINIATURE, MINIATURE_JUDGE, lambda _: None)


def test_the_judge_learns_the_layout_and_the_colours_of_drawn_pictures(work: Path):
    drawn = judge_data.read(work / "pictures", [0]).first(4)
    torch.manual_seed(0)
    network = JudgeNetwork((16, 16, 24, 24))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    batch = judge_data.make_batch(drawn, 4, 3, only=np.arange(4))
    for _ in range(45):
        loss = judge_training.loss_of(network(batch.pictures), batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    outputs = network(batch.pictures)
    right = (outputs.labels.argmax(1) == batch.labels).float().mean()
    assert right > 0.85, f"{right:.0%} of the pixels"
    known = batch.colours != judge_data.UNKNOWN
    assert (outputs.colours.argmax(1) == batch.colours)[known].float().mean() > 0.8
    assert (outputs.depth - batch.depth).abs().mean() < 0.1
    assert torch.equal(outputs.time.argmax(1), batch.facts[:, 0])


def test_a_finished_judge_is_opened_and_an_interrupted_one_goes_on(work: Path, judge: Judge):
    lines: list[str] = []
    again = judge_training.open_or_train(work, MINIATURE, MINIATURE_JUDGE, lines.append)
    assert lines == []
    assert again.thresholds == judge.thresholds
    longer = replace(MINIATURE_JUDGE, steps=MINIATURE_JUDGE.steps + 4)
    judge_training.train(work, MINIATURE, longer, lines.append)
    assert [line.split()[2] for line in lines] == [str(longer.steps)]


def test_the_judge_never_learns_from_held_out_pictures():
    learnt, tuned, held_out = judge_data.parts(MINIATURE)
    assert (learnt, tuned, held_out) == ([0], 8, [16])


def network_saying(labels: Bytes, colours: Bytes, time: int) -> JudgeNetwork:
    """A network whose answer is known."""
    network = JudgeNetwork(SMALL)
    planes = torch.full((1, len(LABELS) + len(COLOURS) + 1, SIDE, SIDE), -5.0)
    planes[0].scatter_(0, torch.from_numpy(labels).long()[None], 5.0)
    planes[0].scatter_(0, torch.from_numpy(colours).long()[None] + len(LABELS), 5.0)
    planes[0, -1] = 0
    facts = torch.zeros(1, len(TIME_NAMES) + 6)
    facts[0, time] = 1
    network.forward = lambda pictures: Outputs(planes, facts)
    return network


def test_a_verdict_tells_objects_with_their_colours_and_places():
    labels = np.zeros((SIDE, SIDE), np.uint8)
    labels[64:, :] = LABELS.index("ground")
    labels[60:80, 90:110] = LABELS.index("house")
    labels[100, 4:10] = LABELS.index("tent")  # too few pixels
    colours = np.zeros((SIDE, SIDE), np.uint8)
    colours[60:80, 92:110] = COLOURS.index("blue")
    network = network_saying(labels, colours, TIME_NAMES.index("night"))
    judge = Judge(network, dict.fromkeys(OBJECTS, 50))
    (verdict,) = judge.look(np.zeros((1, 256, 256, 3), np.uint8))
    assert verdict.time == "night"
    assert np.array_equal(verdict.labels, labels)
    assert list(verdict.objects) == ["house"]
    house = verdict.objects["house"]
    assert (house.colour, house.side) == ("blue", "right")
    assert (house.x, house.y) == pytest.approx((100 / SIDE, 70 / SIDE))
    assert verdict.depth.min() == verdict.depth.max() == 128  # the middle of 0 and 255


@pytest.mark.parametrize(("x", "side"), [(0.2, "left"), (0.5, "middle"), (0.8, "right")])
def test_sides_are_those_of_the_captions(x: float, side: str):
    assert side_of(x) == side


def test_a_saved_judge_says_the_same(judge: Judge, work: Path, tmp_path: Path):
    judge.save(tmp_path / "judge.pt", MINIATURE_JUDGE.widths)
    again = Judge.open(tmp_path / "judge.pt")
    shown = pictures.read_pictures(work / "pictures", 16)[:2]
    for first, second in zip(judge.look(shown), again.look(shown), strict=True):
        assert np.array_equal(first.labels, second.labels)
        assert first.objects == second.objects


def test_the_threshold_lies_in_the_middle_of_what_divides_best():
    counts = np.array([0, 3, 40, 400, 500])
    there = np.array([False, False, False, True, True])
    threshold = best_threshold(counts, there)
    assert 100 < threshold < 160  # the middle of 40 and 400 in logarithms is 126


def test_a_batch_moves_picture_labels_and_colours_together(work: Path):
    drawn = judge_data.read(work / "pictures", [0])
    # Pictures whose colours are their labels.
    painted = replace(drawn, pictures=drawn.labels[..., None].repeat(3, 3) * np.uint8(16))
    for step in range(6):
        batch = judge_data.make_batch(painted, 8, step, only=np.arange(2))
        assert batch.pictures.shape == (8, 3, SIDE, SIDE)
        expected = batch.labels.float() * 16 / 127.5 - 1
        off = (batch.pictures.mean(1) - expected).abs()
        assert off.median() < 0.15
        coloured = batch.colours != judge_data.UNKNOWN
        objects = batch.labels >= LABELS.index(OBJECTS[0])
        assert not (coloured & ~objects).any()
        assert 0 <= batch.depth.min() <= batch.depth.max() <= 1


def test_ink_drawings_teach_their_style_only():
    ink = judge_data.draw_ink(2)
    batch = judge_data.make_batch(ink, 4, 0, only=np.arange(2))
    assert not batch.coloured.any()
    assert batch.facts[:, 2].tolist() == [1] * 4
