"""Ground truths, sensing operators and fitted rates, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.recovery import ground_truth, rates
from common.recovery.arrays import as_tensor, like
from common.recovery.sensing import Dense, Population, gaussian


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    measurements=st.integers(1, 50),
    batch=st.integers(0, 3),
)
def test_the_adjoint_is_one(rows, columns, measurements, batch):
    """<A(M), z> = <M, A*(z)>, and A*A is both in turn whichever way it is formed."""
    draws = rng(rows + 10 * columns)
    for sensing, m in (
        (gaussian(measurements, (rows, columns), draws, 0.3), measurements),
        (Population((rows, columns)), rows * columns),
    ):
        matrix = torch.from_numpy(draws.standard_normal((batch, rows, columns)))
        z = torch.from_numpy(draws.standard_normal((batch, m)))
        one = (sensing.apply(matrix) * z).sum(-1)
        other = (matrix * sensing.adjoint(z)).sum((-2, -1))
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
        both = sensing.adjoint(sensing.apply(matrix))
        torch.testing.assert_close(sensing.normal(matrix), both, rtol=1e-10, atol=1e-10)


def test_gaussian_measurements_are_the_identity_in_the_mean():
    matrix = torch.from_numpy(rng(1).standard_normal((3, 4)))
    m = 20_000
    found = gaussian(m, (3, 4), rng(2)).normal(matrix)
    # An entry has a deviation of about ||M|| / sqrt(m).
    assert float((found - matrix).abs().max()) < 5 * float(matrix.norm()) / math.sqrt(m)


def test_symmetrised_measurements_are_the_same_of_symmetric_matrices():
    sensing = gaussian(7, (5, 5), rng(), 1.0)
    matrix = ground_truth.positive_semidefinite([2.0, 1.0], 5, rng(1))
    symmetrised = sensing.symmetrised()
    torch.testing.assert_close(symmetrised.apply(matrix), sensing.apply(matrix))
    adjoint = symmetrised.adjoint(torch.ones(7, dtype=torch.float64))
    torch.testing.assert_close(adjoint, adjoint.mT)
    with pytest.raises(InvalidInputError, match="no symmetric part"):
        gaussian(7, (5, 4), rng(), 1.0).symmetrised()


@pytest.mark.parametrize("shape", [(3, 4), (0, 2, 2)])
def test_measurements_of_another_shape_are_refused(shape):
    with pytest.raises(InvalidInputError, match=r"wanted: \(m, n1, n2\)"):
        Dense(torch.ones(shape))


def test_spectra_are_as_asked():
    values = [3.0, 0.5]
    for matrix in (
        ground_truth.low_rank(values, 6, 4, rng()),
        ground_truth.diagonal(values, 6, 4),
        ground_truth.positive_semidefinite(values, 5, rng()),
    ):
        found = torch.linalg.svdvals(matrix)
        torch.testing.assert_close(found[:2], torch.tensor(values, dtype=torch.float64))
        assert float(found[2:].max()) < 1e-14
    basis = ground_truth.orthonormal(6, 3, rng())
    torch.testing.assert_close(basis.mT @ basis, torch.eye(3, dtype=torch.float64))
    assert bool(
        (torch.linalg.eigvalsh(ground_truth.positive_semidefinite(values, 5, rng())) > -1e-14).all()
    )


@pytest.mark.parametrize(
    "values", [[], [1.0] * 5, [1.0, 0.0], [1.0, math.nan], [math.nan, 1.0], [math.inf]]
)
def test_spectra_that_no_matrix_has_are_refused(values):
    with pytest.raises(InvalidInputError, match="allowed: 1 to 4"):
        ground_truth.low_rank(values, 4, 6, rng())
    with pytest.raises(InvalidInputError, match="allowed: 1 to 4"):
        ground_truth.orthonormal(4, 5, rng())


def test_a_line_by_hand():
    """Through (0, 0), (1, 1), (2, 1): slope 1/2, and left -1/6, 1/3, -1/6."""
    found = rates.line([0, 1, 2], [0, 1, 1])
    assert found.slope == pytest.approx(0.5)
    assert found.intercept == pytest.approx(1 / 6)
    assert found.residual == pytest.approx(math.sqrt(1 / 18))
    assert found.error == pytest.approx(math.sqrt(1 / 6 / 2))
    assert math.isnan(rates.line([0, 1], [0, 1]).error)


def test_rates_of_what_falls_as_it_should():
    steps = np.arange(1, 400)
    assert rates.geometric(0.8**steps, 1e-3, 1e-20).slope == pytest.approx(math.log(0.8))
    errors = np.concatenate([[7.0], 3.0 * steps**-2.0])
    assert rates.power(errors, [10, 40, 160]).slope == pytest.approx(-2)
    assert rates.first_below(errors, 3e-2) == 11
    assert rates.first_below(errors, 0) == len(errors)


def test_rounding_below_the_window_is_left_out():
    errors = 0.5 ** np.arange(60.0)
    errors[40:] = np.where(np.arange(20) % 2, 1e-5, 1e-30)
    assert rates.geometric(errors, 1e-1, 1e-10).slope == pytest.approx(math.log(0.5))


def test_rates_that_cannot_be_fitted_are_told():
    with pytest.raises(InvalidInputError, match="a rate needs four"):
        rates.geometric(np.ones(9), 1e-3, 1e-20)
    with pytest.raises(InvalidInputError, match="allowed: 1 to 8"):
        rates.power(np.ones(9), [4, 9])
    with pytest.raises(InvalidInputError, match="two are wanted"):
        rates.line([1, 1], [0, 1])
    with pytest.raises(InvalidInputError, match="finite"):
        rates.line([1, 2], [0, math.nan])


def test_arrays_come_back_as_they_came():
    for given_ in (np.ones(3), torch.ones(3)):
        assert type(like(as_tensor(given_, "y"), given_)) is type(given_)
    for bad, said in (
        (np.ones(3, dtype=int), "y is of torch.int64"),
        (np.array([1.0, np.nan]), "NaN"),
        (torch.tensor([math.inf]), "infinity"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            as_tensor(bad, "y")
