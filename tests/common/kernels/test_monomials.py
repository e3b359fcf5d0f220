from itertools import combinations_with_replacement
from math import comb, factorial, prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.kernels.monomials import monomial_count, monomial_exponents, monomials

variables, degrees = st.integers(1, 5), st.integers(0, 6)


def points(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None)
@given(variables, degrees, st.integers(0, 99))
def test_equals_powers(d, degree, seed):
    x = points(4, d, seed)
    powers = monomial_exponents(d, degree)
    assert len(powers) == monomial_count(d, degree) == comb(d + degree, degree)
    wanted = (x[:, None] ** powers).prod(-1)
    torch.testing.assert_close(monomials(x, degree), wanted, rtol=1e-12, atol=0)


@settings(deadline=None)
@given(variables, degrees)
def test_each_once_and_in_order(d, degree):
    wanted = [
        [chosen.count(v) for v in range(d)]
        for total in range(degree + 1)
        for chosen in combinations_with_replacement(range(d), total)
    ]
    found = monomial_exponents(d, degree).tolist()
    assert found == wanted
    assert len(set(map(tuple, found))) == len(found)


@settings(deadline=None)
@given(variables, degrees)
def test_the_multinomial_theorem(d, degree):
    q, k = points(3, d, 1), points(3, d, 2)
    powers = monomial_exponents(d, degree)
    of_degree = powers.sum(1) == degree
    weights = torch.tensor(
        [factorial(degree) / prod(map(factorial, a)) for a in powers[of_degree].tolist()],
        dtype=torch.float64,
    )
    left, right = (monomials(x, degree)[:, of_degree] for x in (q, k))
    found = (left * weights) @ right.mT
    torch.testing.assert_close(found, (q @ k.mT) ** degree, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("degree", [0, 1, 3])
def test_gradients(degree):
    x = points(3, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: monomials(x, degree), [x])
    torch.testing.assert_close(monomials(x, degree), monomials(x.detach(), degree))


def test_columns_are_contiguous():
    assert monomials(points(5, 3), 2).mT.is_contiguous()
    assert monomials(points(5, 3).mT.contiguous().mT, 2).mT.is_contiguous()


def test_single_precision_and_no_rows():
    assert monomials(points(4, 2).float(), 3).dtype == torch.float32
    assert monomials(points(0, 2), 3).shape == (0, 10)


@pytest.mark.parametrize(("d", "degree"), [(0, 2), (2, -1)])
def test_what_has_no_monomials(d, degree):
    with pytest.raises(ValueError, match=f"variables is {d} and degree {degree}"):
        monomial_count(d, degree)
