"""Muon's steps against the singular values themselves."""

import torch

from tools.demo_model.training.muon import Muon, orthogonal


def test_the_singular_values_come_near_one():
    generator = torch.Generator().manual_seed(0)
    for shape in ((12, 30), (30, 12)):
        matrix = torch.randn(shape, generator=generator)
        values = torch.linalg.svdvals(orthogonal(matrix))
        assert 0.5 < values.min() < values.max() < 1.3


def test_directions_are_kept():
    matrix = torch.randn((8, 20), generator=torch.Generator().manual_seed(1))
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    cosine = torch.nn.functional.cosine_similarity
    assert cosine(orthogonal(matrix).flatten(), (left @ right).flatten(), dim=0) > 0.95


def test_a_kernel_is_stepped_as_a_matrix_of_its_outputs():
    kernel = torch.nn.Parameter(torch.zeros(32, 4, 1, 1))
    kernel.grad = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(2))
    Muon([kernel], lr=0.1, weight_decay=0.0).step()
    values = torch.linalg.svdvals(kernel.detach().flatten(1))
    # Eight times as many outputs as inputs: steps as far as the root of 8.
    assert torch.all((values / 0.1 / 8**0.5 - 1).abs() < 0.4)


def test_weights_without_gradient_are_left_alone():
    still = torch.nn.Parameter(torch.ones(3, 3))
    Muon([still], lr=0.1).step()
    assert torch.equal(still, torch.ones(3, 3))


def test_it_solves_a_linear_problem():
    generator = torch.Generator().manual_seed(3)
    wanted = torch.randn(6, 10, generator=generator)
    inputs = torch.randn(10, 64, generator=generator)
    weight = torch.nn.Parameter(torch.zeros(6, 10))
    optimizer = Muon([weight], lr=0.05, weight_decay=0.0)
    first = last = 0.0
    for step in range(200):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 200)
        loss = (weight @ inputs - wanted @ inputs).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        first, last = first or loss.item(), loss.item()
    assert last < 1e-2 * first
