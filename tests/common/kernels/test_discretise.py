import pytest
import torch
from scipy.linalg import expm

from common.kernels.discretise import bilinear, zoh


def test_zoh_equals_the_matrix_exponential_of_the_augmented_system():
    lam = torch.tensor([-0.5 + 3j, -1e-3 + 0j, -40 + 900j], dtype=torch.complex128)
    for step in (1e-3, 0.1):
        lam_bar, scale = zoh(lam, torch.tensor(step, dtype=torch.float64))
        for k, value in enumerate(lam.tolist()):
            block = expm([[value * step, step], [0, 0]])  # [[e^z, scale], [0, 1]]
            assert abs(lam_bar[k].item() - block[0, 0]) < 1e-13
            assert abs(scale[k].item() - block[0, 1]) < 1e-13 * abs(block[0, 1]) + 1e-16


def test_single_precision_has_no_cancellation():
    moduli = torch.logspace(-12, 2, 200, dtype=torch.float64)
    for angle in (0.5, 0.6, 0.75, 1.0):
        direction = torch.polar(torch.ones(1).double(), torch.tensor([angle * torch.pi]).double())
        lam = (moduli * direction).to(torch.complex64)
        scale = zoh(lam, torch.tensor(0.1))[1]
        z = lam.to(torch.complex128) * torch.tensor(0.1).double()
        # cancellation-free in float64: e^z - 1 = 2 e^{z/2} sinh(z/2)
        exact = 0.1 * 2 * torch.exp(z / 2) * torch.sinh(z / 2) / z
        assert ((scale - exact).abs() / exact.abs()).max() < 2e-6


def test_zero_is_a_regular_point():
    lam = torch.zeros(2, dtype=torch.complex128, requires_grad=True)
    step = torch.full((2,), 0.1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(zoh, (lam, step))
    lam_bar, scale = zoh(lam, step)
    torch.testing.assert_close(lam_bar, torch.ones_like(lam))
    torch.testing.assert_close(scale, step.to(scale.dtype))


@pytest.mark.parametrize("rule", [zoh, bilinear])
def test_gradients(rule):
    lam = torch.tensor([-0.5 + 3j, -4.9 + 1j, -1e-3 + 0j], dtype=torch.complex128)
    step = torch.tensor([0.01, 0.1, 0.5], dtype=torch.float64)
    assert torch.autograd.gradcheck(rule, (lam.requires_grad_(), step.requires_grad_()))


def test_bilinear_approximates_zoh_to_second_order():
    lam = torch.tensor([-0.5 + 3j], dtype=torch.complex128)
    errors = []
    for step in (0.01, 0.005):
        step = torch.tensor(step, dtype=torch.float64)
        errors.append((bilinear(lam, step)[0] - zoh(lam, step)[0]).abs().item())
    assert 7.8 < errors[0] / errors[1] < 8.2  # local error O(step^3)


@pytest.mark.parametrize("rule", [zoh, bilinear])
def test_complex_step_is_refused(rule):
    with pytest.raises(ValueError, match="real step"):
        rule(torch.zeros(2, dtype=torch.complex64), torch.ones(2, dtype=torch.complex64))


def test_plain_number_as_step_keeps_the_precision_of_lam():
    lam = torch.tensor([-0.5 + 3j], dtype=torch.complex128)
    exact = torch.tensor(0.1, dtype=torch.float64)
    for rule in (zoh, bilinear):
        for plain, wrapped in zip(rule(lam, 0.1), rule(lam, exact), strict=True):
            assert torch.equal(plain, wrapped)
