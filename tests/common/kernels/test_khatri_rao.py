import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.kernels.khatri_rao import rowwise_khatri_rao

sizes = st.integers(1, 5)


@settings(deadline=None)
@given(sizes, sizes, sizes, st.integers(0, 99))
def test_rows_are_kronecker_products(n, p, q, seed):
    generator = torch.Generator().manual_seed(seed)
    left = torch.randn(n, p, generator=generator, dtype=torch.float64)
    right = torch.randn(n, q, generator=generator, dtype=torch.float64)
    found = rowwise_khatri_rao(left, right)
    torch.testing.assert_close(
        found, torch.stack([torch.kron(a, b) for a, b in zip(left, right, strict=True)])
    )


def test_it_factors_an_entrywise_product():
    generator = torch.Generator().manual_seed(0)
    A, B, C, D = (torch.randn(6, k, generator=generator).double() for k in (2, 2, 3, 3))
    torch.testing.assert_close(
        rowwise_khatri_rao(A, C) @ rowwise_khatri_rao(B, D).mT, (A @ B.mT) * (C @ D.mT)
    )


def test_gradients():
    arguments = [torch.randn(3, k, dtype=torch.float64, requires_grad=True) for k in (2, 4)]
    assert torch.autograd.gradcheck(rowwise_khatri_rao, arguments)


@pytest.mark.parametrize(("left", "right"), [((3, 2), (4, 2)), ((3,), (3, 2))])
def test_shapes_that_do_not_fit(left, right):
    # A beartype error where annotations are checked, else the function's own.
    with pytest.raises(Exception, match=r"rowwise_khatri_rao|as many rows"):
        rowwise_khatri_rao(torch.ones(left), torch.ones(right))
