"""Decompositions against scipy, their structure, and what has none."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch

from common.errors import InvalidInputError
from papers.loldu.decompositions import ATOMS, complete, decompose, ldu, shuffled, svd

SHAPES = [(1, 1), (1, 5), (5, 1), (4, 4), (7, 4), (4, 7), (30, 20), (20, 30), (16, 16), (64, 64)]


def gaussian(m: int, n: int, seed: int = 0):
    return torch.randn(m, n, generator=torch.Generator().manual_seed(seed)).double()


def relative(found, expected) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("atoms", [a for a in ATOMS if a != "random"])
def test_all_atoms_make_the_weight(shape, atoms):
    weight = gaussian(*shape)
    assert relative(decompose(weight, atoms, 0).matrix(), weight) <= 1e-12


@pytest.mark.parametrize("shape", SHAPES)
def test_against_scipy(shape):
    weight = gaussian(*shape)
    permutation, lower, upper = scipy.linalg.lu(weight.numpy())
    found = ldu(weight)
    np.testing.assert_allclose(found.left, permutation @ lower, atol=1e-12)
    np.testing.assert_allclose(found.values[:, None] * found.right, upper, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_triangles(shape):
    found = ldu(gaussian(*shape))
    lower = found.left[found.order]
    k = min(shape)
    assert torch.equal(lower.triu()[:k], torch.eye(k).double())
    assert found.left.abs().max() <= 1
    torch.testing.assert_close(found.right.tril()[:, :k], torch.eye(k).double())


@pytest.mark.parametrize("m", [6, 9])
@pytest.mark.parametrize("rank", [1, 2, 5])
def test_singular_weights(m, rank):
    weight = gaussian(m, rank) @ gaussian(rank, 8, 1)
    found = ldu(weight)
    assert relative(found.matrix(), weight) <= 1e-12
    assert int((found.values != 0).sum()) == rank
    assert found.right.isfinite().all()
    assert torch.equal(ldu(torch.zeros(4, 3)).matrix(), torch.zeros(4, 3).double())


def test_zero_rows():
    weight = gaussian(6, 5)
    weight[2] = 0
    assert relative(ldu(weight).matrix(), weight) <= 1e-12


def test_a_weight_without_a_decomposition():
    found = ldu(torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    assert found.values[0] == 0
    assert found.right.isfinite().all()


def test_a_given_order_of_rows():
    weight = gaussian(8, 6)
    found = ldu(weight)
    again = ldu(weight, found.order)
    for name in ("left", "values", "right"):
        torch.testing.assert_close(getattr(again, name), getattr(found, name))
    other = ldu(weight, torch.arange(8))
    assert relative(other.matrix(), weight) <= 1e-10
    assert torch.equal(other.left.triu()[:6], torch.eye(6).double())


def test_rows_may_move_columns_may_not():
    weight = gaussian(8, 8)
    found = ldu(weight)
    moved = ldu(weight[torch.randperm(8, generator=torch.Generator().manual_seed(0))])
    torch.testing.assert_close(moved.values, found.values)
    torch.testing.assert_close(moved.right, found.right)
    columns = ldu(weight.flip(1))
    assert not torch.allclose(columns.values.abs().sort()[0], found.values.abs().sort()[0])


def test_complete_pivoting_takes_the_largest_first():
    weight = gaussian(9, 7)
    found = complete(weight)
    assert found.values[0].abs() == weight.abs().max()
    assert found.left.abs().max() <= 1 + 1e-12
    assert found.right.abs().max() <= 1 + 1e-12


def test_shuffled_and_random_follow_their_seed():
    weight = gaussian(6, 6)
    one, two = (shuffled(weight, torch.Generator().manual_seed(s)) for s in (0, 1))
    assert not torch.allclose(one.values, two.values)
    again = decompose(weight, "random", 3), decompose(weight, "random", 3)
    assert torch.equal(again[0].left, again[1].left)
    like = ldu(weight)
    assert torch.equal(again[0].values, like.values)


def test_singular_triples():
    weight = gaussian(6, 4)
    torch.testing.assert_close(svd(weight).values, torch.linalg.svdvals(weight))


def test_what_is_refused():
    with pytest.raises(InvalidInputError, match="NaN or infinity"):
        ldu(torch.tensor([[torch.nan]]))
    with pytest.raises(InvalidInputError, match="atoms='qr'; allowed: ldu, complete"):
        decompose(torch.ones(2, 2), "qr", 0)
