"""Multilinear products and Tucker decompositions: against einsum, and their theory."""

from __future__ import annotations

from itertools import pairwise

import pytest
import tensorly.decomposition
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.kernels.multilinear import hooi, hosvd, mode_product, multilinear_ranks, tucker, unfold

sizes = st.lists(st.integers(1, 5), min_size=2, max_size=5)


def tensor(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).double()


@settings(max_examples=40, deadline=None)
@given(shape=sizes, data=st.data())
def test_tucker_is_the_sum_of_its_definition(shape, data):
    ranks = [data.draw(st.integers(1, size)) for size in shape]
    core = tensor(ranks)
    factors = [tensor((d, r), i + 1) for i, (d, r) in enumerate(zip(shape, ranks, strict=True))]
    inner, outer = "abcde"[: len(shape)], "vwxyz"[: len(shape)]
    parts = ",".join(o + i for o, i in zip(outer, inner, strict=True))
    expected = torch.einsum(f"{inner},{parts}->{outer}", core, *factors)
    torch.testing.assert_close(tucker(core, factors), expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(shape=sizes, data=st.data())
def test_unfolding_a_mode_product(shape, data):
    mode = data.draw(st.integers(0, len(shape) - 1))
    full, matrix = tensor(shape), tensor((3, shape[mode]), 1)
    found = unfold(mode_product(full, matrix, mode), mode)
    torch.testing.assert_close(found, matrix @ unfold(full, mode), rtol=1e-12, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(shape=st.lists(st.integers(2, 5), min_size=2, max_size=4), data=st.data())
def test_a_tensor_of_these_ranks_is_found_exactly(shape, data):
    ranks = multilinear_ranks(shape, [data.draw(st.integers(1, size)) for size in shape])
    planted = tucker(
        tensor(ranks),
        [tensor((d, r), i + 1) for i, (d, r) in enumerate(zip(shape, ranks, strict=True))],
    )
    core, factors = hosvd(planted, ranks)
    error = (tucker(core, factors) - planted).square().sum() / planted.square().sum()
    assert error < 1e-20


@pytest.mark.parametrize("ranks", [(2, 2, 2), (3, 2, 1), (4, 5, 3)])
def test_bounds_of_the_truncation(ranks):
    full = tensor((6, 5, 4))
    tails = [
        torch.linalg.svdvals(unfold(full, mode))[rank:].square().sum()
        for mode, rank in enumerate(ranks)
    ]
    errors = []
    for method in (hosvd, hooi):
        core, factors = method(full, ranks)
        for factor in factors:
            torch.testing.assert_close(
                factor.mT @ factor, torch.eye(factor.shape[1]).double(), atol=1e-10, rtol=0
            )
        errors.append((tucker(core, factors) - full).square().sum())
    assert errors[0] <= sum(tails) + 1e-9
    assert errors[1] <= errors[0] + 1e-9
    assert errors[1] >= max(tails) - 1e-9


def test_more_rounds_are_never_worse():
    full = tensor((6, 5, 4))
    errors = []
    for rounds in range(5):
        core, factors = hooi(full, (2, 2, 2), rounds=rounds, tolerance=0.0)
        errors.append(float((tucker(core, factors) - full).square().sum()))
    assert all(b <= a + 1e-10 for a, b in pairwise(errors))


def test_of_a_matrix_it_is_the_singular_value_decomposition():
    full = tensor((7, 5))
    core, factors = hooi(full, (2, 2))
    left, values, right = torch.linalg.svd(full, full_matrices=False)
    torch.testing.assert_close(tucker(core, factors), left[:, :2] * values[:2] @ right[:2])


def test_ranks_that_a_tensor_can_have():
    assert multilinear_ranks((8, 7), (3, 2)) == (2, 2)
    assert multilinear_ranks((3, 64, 3, 3), (16, 16, 2, 2)) == (3, 12, 2, 2)
    assert multilinear_ranks((32, 1, 7, 7), (8, 8, 2, 2)) == (4, 1, 2, 2)


def test_against_tensorly():
    tensorly.set_backend("pytorch")
    full = tensor((6, 5, 4))
    core, factors = tensorly.decomposition.tucker(full, [2, 2, 2], tol=1e-14, n_iter_max=500)
    expected = tensorly.tucker_to_tensor((core, factors))
    ours = tucker(*hooi(full, (2, 2, 2), rounds=500, tolerance=1e-15))
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)
