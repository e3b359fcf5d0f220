"""The truncated decomposition: its rule, its matricisations, its two ways."""

from __future__ import annotations

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from common.compression.forms import CHANNEL, DECOUPLED, FORMS, SPATIAL
from common.errors import InvalidInputError
from papers.trp.projection import project, truncate


def with_values(values, rows, columns, seed=0):
    generator = torch.Generator().manual_seed(seed)
    normal = lambda n: torch.randn(n, n, generator=generator, dtype=torch.float64)  # noqa: E731
    U, V = torch.linalg.qr(normal(rows))[0], torch.linalg.qr(normal(columns))[0]
    k = len(values)
    return U[:, :k] * torch.tensor(values, dtype=torch.float64) @ V[:, :k].mT


def test_energy_is_of_squares():
    # Squares 16, 4, 4, 1: leaving out 5/25 = 0.2 keeps two.
    matrix = with_values([4, 2, 2, 1], 5, 6)
    assert truncate(matrix, 0.2 + 1e-12).S.shape == (2,)
    assert truncate(matrix, 0.2 - 1e-9).S.shape == (3,)
    assert truncate(matrix, 0.04 + 1e-12).S.shape == (3,)


def test_exact_ties_are_kept_at_the_bound():
    # Powers of two: the tail of one of four equal values is exactly a quarter of the energy.
    matrix = torch.diag(torch.tensor([2.0, 2.0, 2.0, 2.0], dtype=torch.float64))
    assert truncate(matrix, 0.25).S.shape == (3,)
    assert truncate(matrix, 0.2499999).S.shape == (4,)


@given(st.integers(0, 2**31), st.floats(0.002, 0.6, allow_subnormal=False))
@settings(max_examples=25, deadline=None)
@example(381954958, 0.5)  # two singular values that differ by a thousandth, and the cut between
def test_gram_matrix_gives_the_same_projection(seed, left_out):
    """As far as it is one: rounding turns the space of the kept vectors by itself over the gap
    between the last kept singular value and the first that goes (Davis and Kahan)."""
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(8, 40, generator=generator)
    wide, full = truncate(matrix, left_out), truncate(matrix.mT, left_out)  # by Gram, by SVD
    values, rank = torch.linalg.svdvals(matrix.double()), full.S.shape[-1]
    assert wide.S.shape[-1] == rank
    gap = values[rank - 1] - (values[rank] if rank < 8 else 0)
    rounding = 16 * torch.finfo(torch.float32).eps * values[0]
    error = torch.linalg.matrix_norm(wide.product() - full.product().mT, 2)
    assert error <= rounding * (1 + values[0] / gap)


def test_separable_filters_have_rank_one_in_the_spatial_form_only():
    column, row = torch.randn(6, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    weight = torch.einsum("ch,nw->nchw", column, row)
    assert project(weight, SPATIAL, 1e-12).rank == 1
    assert project(weight, CHANNEL, 1e-12).rank == 3
    assert project(weight, DECOUPLED, 1e-12).rank == 3  # of one filter: inputs x kernel


def test_one_filter_raises_the_rank_of_all():
    weight = torch.zeros(4, 5, 3, 3, dtype=torch.float64)
    weight[:, 0, 1, 1] = 1.0
    assert project(weight, DECOUPLED, 0.01).rank == 1
    weight[2] = torch.randn(5, 3, 3, dtype=torch.float64)
    assert project(weight, DECOUPLED, 1e-9).rank == 5


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_projecting_twice_changes_nothing(form):
    weight = torch.randn(8, 6, 3, 3, dtype=torch.float64)
    once = project(weight, form, 0.3)
    twice = project(once.weight(), form, 1e-9)
    torch.testing.assert_close(once.weight(), twice.weight())
    left = (weight - once.weight()).square().sum() / weight.square().sum()
    assert 0 < left <= 0.3


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_zero_weights(form):
    found = project(torch.zeros(4, 3, 3, 3), form, 0.1)
    assert found.rank == 0
    assert not found.weight().any()
    assert not found.subgradient().any()
    assert found.nuclear_over_frobenius() == 0


def test_refusals():
    weight = torch.randn(4, 3, 3, 3)
    with pytest.raises(InvalidInputError, match="left_out=1"):
        project(weight, CHANNEL, 1.0)
    weight[0, 0, 0, 0] = float("nan")
    for form in (CHANNEL, SPATIAL):
        with pytest.raises(ValueError, match="not finite"):
            project(weight, form, 0.1)


def test_ties_in_a_wide_matrix_are_kept_or_left_whole():
    """Four equal components: half of the energy is two of them, by the Gram matrix as well."""
    wide = torch.zeros(4, 12)
    wide[range(4), range(4)] = 3.0
    assert [truncate(wide, e).S.shape[-1] for e in (0.24, 0.25, 0.49, 0.5, 0.75)] == [4, 3, 3, 2, 1]
