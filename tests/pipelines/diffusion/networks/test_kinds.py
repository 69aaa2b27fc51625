"""What each kind of network adds to a weight, against the paper's formula written out slowly."""

from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional

from pipelines.diffusion.networks.kinds import bias_gain, kind_of, weight_gain
from pipelines.diffusion.networks.tensors import Misfit
from tests.helpers.loras import random

OUT, IN, KERNEL, RANK = 6, 4, 3, 2
ALPHA = torch.tensor(3.0)
SCALE = 3.0 / RANK
LINEAR, POINT = random(OUT, IN, seed=90), random(OUT, IN, 1, 1, seed=91)
CONV = random(OUT, IN, KERNEL, KERNEL, seed=92)
PIXELS = random(2, IN, 5, 5, seed=93)


def gain(
    tensors: dict[str, torch.Tensor], weight: torch.Tensor, rank: int | None = None
) -> torch.Tensor:
    kind = kind_of(tensors)
    assert kind is not None
    return weight_gain(kind, tensors, weight, rank)


def assert_close(given: torch.Tensor, expected: torch.Tensor | np.ndarray) -> None:
    torch.testing.assert_close(given, torch.as_tensor(expected).float(), atol=2e-6, rtol=2e-6)


def convolved(weight: torch.Tensor) -> torch.Tensor:
    return functional.conv2d(PIXELS, weight, padding=weight.shape[-1] // 2)


def test_a_lora_adds_what_two_layers_behind_each_other_do():
    up, down = random(OUT, RANK, seed=1), random(RANK, IN, seed=2)
    tokens = random(5, IN, seed=3)
    added = functional.linear(tokens, gain({"up": up, "down": down, "alpha": ALPHA}, LINEAR))
    assert_close(added, SCALE * functional.linear(functional.linear(tokens, down), up))


def test_without_alpha_a_lora_is_not_scaled():
    up, down = random(OUT, RANK, seed=1), random(RANK, IN, seed=2)
    assert_close(gain({"up": up, "down": down}, LINEAR), up @ down)


@pytest.mark.parametrize("kernel", [1, KERNEL])
def test_of_a_convolution_too(kernel: int):
    up, down = random(OUT, RANK, 1, 1, seed=1), random(RANK, IN, kernel, kernel, seed=2)
    weight = POINT if kernel == 1 else CONV
    added = convolved(gain({"up": up, "down": down, "alpha": ALPHA}, weight))
    behind = functional.conv2d(PIXELS, down, padding=kernel // 2)
    assert_close(added, SCALE * functional.conv2d(behind, up))


def test_with_a_middle_it_is_three_convolutions():
    up, down = random(OUT, RANK, 1, 1, seed=1), random(RANK, IN, 1, 1, seed=2)
    mid = random(RANK, RANK, KERNEL, KERNEL, seed=3)
    added = convolved(gain({"up": up, "down": down, "mid": mid, "alpha": ALPHA}, CONV))
    narrow = functional.conv2d(functional.conv2d(PIXELS, down), mid, padding=1)
    assert_close(added, SCALE * functional.conv2d(narrow, up))


def test_factors_of_pixels_serve_a_linear_layer_and_the_other_way_round():
    up, down = random(OUT, RANK, seed=1), random(RANK, IN, seed=2)
    flat, pixels = (
        {"up": up, "down": down},
        {"up": up[..., None, None], "down": down[..., None, None]},
    )
    assert torch.equal(gain(pixels, LINEAR), gain(flat, LINEAR))
    assert torch.equal(gain(flat, POINT), gain(flat, LINEAR)[..., None, None])


def test_a_smaller_rank_keeps_the_first_ones_at_the_scale_of_all():
    up, down = random(OUT, 4, seed=1), random(4, IN, seed=2)
    tensors = {"up": up, "down": down, "alpha": torch.tensor(2.0)}
    expected = sum(torch.outer(up[:, place], down[place]) for place in range(3)) * 0.5
    assert isinstance(expected, torch.Tensor)
    assert_close(gain(tensors, LINEAR, 3), expected)
    assert torch.equal(gain(tensors, LINEAR, 9), gain(tensors, LINEAR))


def test_a_stated_scale_counts_instead_of_alpha():
    tensors = {"up": random(OUT, 1), "down": random(1, IN), "alpha": ALPHA}
    assert_close(gain({**tensors, "scale": torch.tensor(0.25)}, LINEAR), gain(tensors, LINEAR) / 12)


def hada(kernel: int = 0) -> dict[str, torch.Tensor]:
    width = IN * max(kernel, 1) ** 2
    return {
        "hada_w1_a": random(OUT, RANK, seed=1),
        "hada_w1_b": random(RANK, width, seed=2),
        "hada_w2_a": random(OUT, RANK, seed=3),
        "hada_w2_b": random(RANK, width, seed=4),
        "alpha": ALPHA,
    }


@pytest.mark.parametrize("weight", [LINEAR, POINT, CONV])
def test_a_loha_multiplies_two_products_by_elements(weight: torch.Tensor):
    tensors = hada(weight.shape[-1] if weight.dim() == 4 else 0)
    expected = np.zeros((OUT, tensors["hada_w1_b"].shape[1]))
    for row, column in np.ndindex(*expected.shape):
        factors = [
            sum(
                tensors[f"hada_w{number}_a"][row, rank].item()
                * tensors[f"hada_w{number}_b"][rank, column].item()
                for rank in range(RANK)
            )
            for number in (1, 2)
        ]
        expected[row, column] = SCALE * factors[0] * factors[1]
    assert_close(gain(tensors, weight), expected.reshape(weight.shape))


def cored(core: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> np.ndarray:
    """What a core stands for, number by number: `left` has the outputs, `right` the inputs."""
    outputs, inputs, height, width = left.shape[1], right.shape[1], *core.shape[2:]
    made = np.zeros((outputs, inputs, height, width))
    ranks = range(core.shape[0])
    for out, into, y, x in np.ndindex(*made.shape):
        made[out, into, y, x] = sum(
            core[r, s, y, x].item() * left[r, out].item() * right[s, into].item()
            for r, s in product(ranks, ranks)
        )
    return made


def test_a_loha_with_cores():
    tensors = {
        "hada_w1_a": random(RANK, OUT, seed=1),
        "hada_w1_b": random(RANK, IN, seed=2),
        "hada_w2_a": random(RANK, OUT, seed=3),
        "hada_w2_b": random(RANK, IN, seed=4),
        "hada_t1": random(RANK, RANK, KERNEL, KERNEL, seed=5),
        "hada_t2": random(RANK, RANK, KERNEL, KERNEL, seed=6),
        "alpha": ALPHA,
    }
    first, second = (
        cored(*(tensors[f"hada_{name}"] for name in (f"t{n}", f"w{n}_a", f"w{n}_b")))
        for n in (1, 2)
    )
    assert_close(gain(tensors, CONV), SCALE * first * second)


KRON = {
    "whole": {"lokr_w1": random(3, 2, seed=1), "lokr_w2": random(2, 2, seed=2)},
    "second": {
        "lokr_w1": random(3, 2, seed=1),
        "lokr_w2_a": random(2, RANK, seed=2),
        "lokr_w2_b": random(RANK, 2, seed=3),
    },
    "first": {
        "lokr_w1_a": random(3, RANK, seed=1),
        "lokr_w1_b": random(RANK, 2, seed=4),
        "lokr_w2": random(2, 2, seed=2),
    },
    "both": {
        "lokr_w1_a": random(3, RANK, seed=1),
        "lokr_w1_b": random(RANK, 2, seed=4),
        "lokr_w2_a": random(2, RANK, seed=2),
        "lokr_w2_b": random(RANK, 2, seed=3),
    },
}


@pytest.mark.parametrize("whole_or_not", KRON)
@pytest.mark.parametrize("weight", [LINEAR, POINT])
def test_a_lokr_is_a_kronecker_product(whole_or_not: str, weight: torch.Tensor):
    tensors = {**KRON[whole_or_not], "alpha": ALPHA}
    first, second = (
        (
            tensors[name]
            if (name := f"lokr_w{number}") in tensors
            else tensors[f"{name}_a"] @ tensors[f"{name}_b"]
        ).numpy()
        for number in (1, 2)
    )
    scale = 1.0 if whole_or_not == "whole" else SCALE
    assert_close(gain(tensors, weight), scale * np.kron(first, second).reshape(weight.shape))


@pytest.mark.parametrize("second", ["whole", "row", "core"])
def test_a_lokr_of_a_convolution(second: str):
    whole = random(2, 2, KERNEL, KERNEL, seed=2)
    left, right = random(2, RANK, seed=3), random(RANK, 2 * KERNEL**2, seed=4)
    core = random(RANK, RANK, KERNEL, KERNEL, seed=5)
    factors, expected, scale = {
        "whole": ({"lokr_w2": whole}, whole.numpy(), 1.0),
        "row": (
            {"lokr_w2_a": left, "lokr_w2_b": right},
            (left @ right).reshape(2, 2, KERNEL, KERNEL).numpy(),
            SCALE,
        ),
        "core": (
            {"lokr_t2": core, "lokr_w2_a": random(RANK, 2), "lokr_w2_b": random(RANK, 2, seed=6)},
            cored(core, random(RANK, 2), random(RANK, 2, seed=6)),
            SCALE,
        ),
    }[second]
    first = random(3, 2, seed=1)
    pixels = [np.kron(first.numpy(), expected[:, :, y, x]) for y, x in np.ndindex(KERNEL, KERNEL)]
    stacked = np.stack(pixels, axis=-1).reshape(CONV.shape)
    assert_close(gain({"lokr_w1": first, **factors, "alpha": ALPHA}, CONV), scale * stacked)


@pytest.mark.parametrize("weight", [LINEAR, CONV])
@pytest.mark.parametrize("on_input", [False, True])
def test_an_ia3_scales_outputs_or_inputs(weight: torch.Tensor, on_input: bool):
    length = IN if on_input else OUT
    factors = random(length, seed=1)
    stored = factors.reshape(1, -1, 1, 1) if weight.dim() == 4 else factors
    added = gain({"weight": stored, "on_input": torch.tensor(int(on_input))}, weight)
    for place in range(length):
        part = weight[:, place] if on_input else weight[place]
        assert_close((added[:, place] if on_input else added[place]), part * factors[place])


@pytest.mark.parametrize("weight", [LINEAR, CONV])
@pytest.mark.parametrize("layout", ["today", "before"])
def test_a_glora_mixes_the_inputs_and_adds(weight: torch.Tensor, layout: str):
    kernel = weight.shape[2:]
    ones = [1] * len(kernel)
    mix_in, mix_out = random(RANK, IN, *ones, seed=1), random(IN, RANK, *ones, seed=2)
    add_in, add_out = random(RANK, IN, *kernel, seed=3), random(OUT, RANK, *ones, seed=4)
    names = ("a2", "a1", "b2", "b1") if layout == "today" else ("a1", "a2", "b1", "b2")
    tensors = dict(zip(names, (mix_in, mix_out, add_in, add_out), strict=True))
    added = gain({**tensors, "alpha": ALPHA}, weight)
    if not kernel:
        tokens = random(5, IN, seed=5)
        mixed = functional.linear(functional.linear(tokens, mix_in), mix_out)
        beside = functional.linear(functional.linear(tokens, add_in), add_out)
        expected = functional.linear(mixed, weight) + beside
        assert_close(functional.linear(tokens, added), SCALE * expected)
        return
    mixed = functional.conv2d(functional.conv2d(PIXELS, mix_in), mix_out)
    beside = functional.conv2d(functional.conv2d(PIXELS, add_in, padding=1), add_out)
    expected = functional.conv2d(mixed, weight, padding=1) + beside
    torch.testing.assert_close(convolved(added), SCALE * expected, atol=1e-4, rtol=1e-5)


def cayley(block: torch.Tensor, shorter: float = 1.0) -> np.ndarray:
    skew = shorter * (block - block.T).double().numpy()
    one = np.eye(len(skew))
    return (one + skew) @ np.linalg.inv(one - skew)


@pytest.mark.parametrize("weight", [LINEAR, CONV])
@pytest.mark.parametrize("name", ["oft_blocks", "oft_diag"])
def test_an_oft_turns_blocks_of_outputs(weight: torch.Tensor, name: str):
    blocks, factors = random(2, 3, 3, seed=1), random(OUT, seed=2)
    turned = weight.double().numpy().copy()
    for number, block in enumerate(blocks):
        rows = slice(3 * number, 3 * number + 3)
        flat = turned[rows].reshape(3, -1)
        assert np.allclose(cayley(block) @ cayley(block).T, np.eye(3))
        turned[rows] = (cayley(block).T @ flat).reshape(turned[rows].shape)
    assert_close(weight + gain({name: blocks}, weight), turned)
    rescaled = turned * factors.numpy().reshape(-1, *[1] * (weight.dim() - 1))
    stored = factors.reshape(-1, *[1] * (weight.dim() - 1))
    assert_close(weight + gain({name: blocks, "rescale": stored}, weight), rescaled)


def test_an_oft_turns_no_further_than_its_constraint():
    blocks = random(2, 3, 3, seed=1)
    length = (blocks - blocks.mT).norm().item()
    constrained = {"oft_blocks": blocks, "alpha": torch.tensor(0.1)}
    expected = np.concatenate(
        [
            cayley(block, 0.1 * OUT / length).T @ LINEAR[3 * number : 3 * number + 3].numpy()
            for number, block in enumerate(blocks)
        ]
    )
    assert_close(LINEAR + gain(constrained, LINEAR), expected)
    loose = {**constrained, "alpha": torch.tensor(100.0)}
    assert_close(gain(loose, LINEAR), gain({"oft_blocks": blocks}, LINEAR))


def test_a_boft_turns_outputs_that_lie_further_apart_at_each_stage():
    blocks, weight = random(3, 4, 2, 2, seed=1), random(8, IN, seed=2)
    turned = weight.double().numpy().copy()
    for stage in range(3):
        apart = 2**stage  # outputs that are turned together, for blocks of two
        firsts = [row for row in range(8) if row // apart % 2 == 0]
        for number, first in enumerate(firsts):
            pair = [first, first + apart]
            turned[pair] = cayley(blocks[stage, number]) @ turned[pair]
    assert_close(weight + gain({"oft_blocks": blocks}, weight), turned)


def test_differences_are_added_as_they_are():
    assert torch.equal(gain({"diff": CONV}, CONV), CONV)
    norm = random(OUT)
    tensors = {"w_norm": norm, "b_norm": norm + 1}
    assert torch.equal(gain(tensors, norm), norm)
    assert torch.equal(bias_gain(tensors) - 1, norm)  # pyright: ignore[reportOptionalOperand] it is there
    assert bias_gain({"diff": CONV}) is None
    assert kind_of({"diff_b": norm}) is None


@pytest.mark.parametrize("weight", [LINEAR, CONV])
@pytest.mark.parametrize("by_input", [False, True])
def test_a_dora_keeps_the_direction_and_learns_the_length(weight: torch.Tensor, by_input: bool):
    kernel = weight.shape[2:]
    up, down = random(OUT, RANK, seed=1), random(RANK, IN * kernel.numel(), seed=2)
    lengths = random(IN if by_input else OUT, seed=3).abs() + 0.5
    ones = [1] * len(kernel)
    stored = lengths.reshape(1, -1, *ones) if by_input else lengths.reshape(-1, 1, *ones)
    tensors = {"up": up, "down": down, "alpha": ALPHA, "dora_scale": stored}
    result = weight + gain(tensors, weight)
    plain = weight + SCALE * (up @ down).reshape(weight.shape)
    for place in range(len(lengths)):
        before, after = (
            (whole[:, place] if by_input else whole[place]).flatten() for whole in (plain, result)
        )
        assert_close(after.norm(), lengths[place])
        assert_close(functional.cosine_similarity(before, after, dim=0), torch.tensor(1.0))


def test_pefts_lengths_are_those_of_the_outputs():
    tensors = {"up": random(OUT, 1), "down": random(1, IN), "dora_scale": torch.ones(OUT)}
    assert_close((LINEAR + gain(tensors, LINEAR)).norm(dim=1), torch.ones(OUT))


WRONG = {
    "LoRA": {"up": random(OUT + 1, 2), "down": random(2, IN)},
    "LoRA whose factors do not fit each other": {"up": random(OUT, 2), "down": random(3, IN)},
    "LoRA of no dimension": {"up": torch.tensor(1.0), "down": torch.tensor(1.0)},
    "huge": {"up": random(10**6, 1), "down": random(1, 10**6)},
    "LoHa": {**hada(), "hada_w1_a": random(10**6, RANK)},
    "LoKr": {"lokr_w1": random(7, 3), "lokr_w2": random(2, 2)},
    "IA3": {"weight": random(IN), "on_input": torch.tensor(0)},
    "GLoRA": {name: random(3, 3) for name in ("a1", "a2", "b1", "b2")},
    "OFT": {"oft_blocks": random(2, 4, 4)},
    "difference": {"diff": random(IN, IN)},
    "norm": {"w_norm": random(OUT)},
    "DoRA": {"up": random(OUT, 1), "down": random(1, IN), "dora_scale": random(OUT + 1)},
}


@pytest.mark.parametrize("what", WRONG)
def test_tensors_for_a_layer_of_another_size_are_told(what: str):
    with pytest.raises(Misfit):
        gain(WRONG[what], LINEAR)
