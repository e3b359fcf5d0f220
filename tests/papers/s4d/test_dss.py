"""DSS' softmax kernel: by its definition, where modes grow, and what it cannot do."""

from __future__ import annotations

import pytest
import torch

from common.nn.modal import diagonal_basis
from papers.s4d.dss import DSS, dss_kernel, reciprocal


def system(real, channels=3, pairs=4):
    lam = torch.complex(
        torch.full((channels, pairs), float(real)), torch.arange(pairs).expand(channels, -1) * 3.0
    ).to(torch.complex128)
    C = torch.randn(channels, pairs, dtype=torch.complex128)
    return C, lam, torch.tensor([0.01, 0.05, 0.2], dtype=torch.float64)[:, None]


def by_definition(C, lam, step, length):
    """2 Re sum_n C_n / A_n softmax over time, the softmax with its maximum taken off first."""
    z = (lam * step)[..., None] * torch.arange(length)
    z = z - z.real.amax(-1, keepdim=True)
    weights = torch.exp(z) / torch.exp(z).sum(-1, keepdim=True)
    return 2 * ((C / lam)[..., None] * weights).sum(1).real


@pytest.mark.parametrize("real", [-0.5, -0.01, 0.3])
@pytest.mark.parametrize("length", [1, 7, 64])
def test_it_is_a_softmax_over_time(real, length):
    C, lam, step = system(real)
    found = dss_kernel(C, lam, step, length, guard=0.0)
    torch.testing.assert_close(found, by_definition(C, lam, step, length), rtol=1e-9, atol=1e-9)


def test_growing_and_falling_modes_in_one_kernel():
    C, lam, step = system(-0.5)
    lam = torch.complex(torch.tensor([-0.5, 0.7, -2.0, 0.1]).double().expand(3, -1), lam.imag)
    found = dss_kernel(C, lam, step, 40, guard=0.0)
    torch.testing.assert_close(found, by_definition(C, lam, step, 40), rtol=1e-9, atol=1e-9)


def test_growing_modes_do_not_overflow():
    """exp(0.2 * 50 * 4000) is beyond any float."""
    C, lam, step = (x.to(torch.complex64) if x.is_complex() else x.float() for x in system(50.0))
    found = dss_kernel(C, lam, step, 4_000)
    assert torch.isfinite(found).all()
    assert float(found[:, -1].abs().min()) > 0
    assert float(found[:, 0].abs().max()) < 1e-12


@pytest.mark.parametrize("real", [-0.5, 0.4, 30.0])
def test_the_gradient_is_finite(real):
    C, lam, step = (x.to(torch.complex64) if x.is_complex() else x.float() for x in system(real))
    for x in (C, lam, step):
        x.requires_grad_(True)
    dss_kernel(C, lam, step, 500).square().sum().backward()
    for x in (C, lam, step):
        assert torch.isfinite(torch.view_as_real(x.grad) if x.is_complex() else x.grad).all()


def test_gradient_by_differences():
    C, lam, step = system(-0.5, pairs=2)
    lam = torch.complex(torch.tensor([-0.5, 0.4]).double().expand(3, -1), lam.imag).contiguous()
    inputs = [x.clone().requires_grad_(True) for x in (C, lam, step)]
    assert torch.autograd.gradcheck(lambda *x: dss_kernel(*x, 9), inputs)


def test_the_reciprocal_is_guarded():
    x = torch.tensor([2 - 1j, 1e-3j, 0j], dtype=torch.complex128)
    found = reciprocal(x, 1e-7)
    torch.testing.assert_close(found[0], 1 / x[0], rtol=1e-7, atol=0)
    assert complex(found[1]) == pytest.approx(-1e-3j / (1e-6 + 1e-7))
    assert found[2] == 0
    torch.testing.assert_close(reciprocal(x[:2], 0.0), 1 / x[:2])


def layer(**options):
    lam = torch.complex(torch.full((4,), -0.5), torch.arange(4) * 3.0)
    return DSS(diagonal_basis(lam, torch.ones(4)), 3, bidirectional=False, **options)


def test_the_kernel_depends_on_its_length():
    made = layer()
    short, long = made.kernel(20)[0], made.kernel(200)[0]
    assert float((short - long[:, :20]).detach().abs().max()) > 1e-3


def test_it_has_no_recurrence():
    made = layer()
    with pytest.raises(ValueError, match="has no recurrence; use S4"):
        made.step(torch.zeros(1, 3), made.initial_state(1))
    with pytest.raises(ValueError, match="has no recurrence; use S4"):
        made(torch.zeros(1, 5, 3), state=made.initial_state(1))
    y, state = made(torch.randn(2, 5, 3))
    assert y.shape == (2, 5, 3)
    assert state is None
