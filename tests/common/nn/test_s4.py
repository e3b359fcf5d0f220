"""S4-type layers against dense systems."""

from __future__ import annotations

import pytest
import torch

from common.kernels.hippo import legs, legs_normal
from common.nn.modal import diagonal_basis, halve
from common.nn.s4 import S4
from papers.s5_ptd.models import normal_basis
from tests.systems import small_ptd


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def dense_kernel(A, B, C, dt, length, rule):
    """Impulse response of one channel's dense system."""
    n = len(B)
    if rule == "zoh":
        augmented = torch.zeros(n + 1, n + 1, dtype=torch.float64)
        augmented[:n, :n], augmented[:n, n] = A, B
        exponential = torch.linalg.matrix_exp(augmented * dt)
        A_bar, x = exponential[:n, :n], exponential[:n, n]
    else:
        left = torch.eye(n, dtype=torch.float64) - dt / 2 * A
        A_bar = torch.linalg.solve(left, torch.eye(n, dtype=torch.float64) + dt / 2 * A)
        x = torch.linalg.solve(left, dt * B)
    out = []
    for _ in range(length):
        out.append(C @ x)
        x = A_bar @ x
    return torch.stack(out)


def systems():
    n = 8
    ptd, solution = small_ptd()
    A, B = legs(n)
    return {
        "ptd": (ptd, A + solution.E, B, "zoh", 2),
        "diag": (normal_basis(n), legs_normal(n), B / 2, "zoh", 2),
        "diag halved": (halve(normal_basis(n)), legs_normal(n), B / 2, "zoh", 1),
        "dplr halved": (halve(normal_basis(n, low_rank=True)), A, B, "bilinear", 1),
    }


C_ONLY = {"frozen": ("A", "B", "dt"), "input_matrix": "trained"}


@pytest.mark.parametrize("options", [{}, C_ONLY])
@pytest.mark.parametrize("name", ["ptd", "diag", "diag halved", "dplr halved"])
def test_kernel_is_the_dense_impulse_response(name, options):
    """``factor`` is the 2 that stays although a complete spectrum has its conjugates already."""
    basis, A, B, rule, factor = systems()[name]
    torch.manual_seed(3)
    layer = S4(basis, 2, c_init="original_basis", **options)
    torch.manual_seed(3)
    dt = torch.empty(2).uniform_(torch.log(torch.tensor(0.001)), torch.log(torch.tensor(0.1))).exp()
    c = torch.randn(1, 2, 8, dtype=torch.float64)
    kernel = layer.kernel(50)
    for h in range(2):
        wanted = factor * dense_kernel(A, B, c[0, h], float(dt[h]), 50, rule)
        scale = wanted.abs().max()
        torch.testing.assert_close(
            kernel[0, h].double() / scale, wanted / scale, rtol=1e-3, atol=1e-3
        )


def test_two_sided_convolution():
    layer = S4(normal_basis(4), 3, bidirectional=True)
    u = torch.randn(2, 21, 3)
    forward, backward = layer.kernel(21)
    y = layer.D * u
    for t in range(21):
        for s in range(21):
            tap = forward[:, t - s] if s <= t else backward[:, s - t - 1]
            y[:, t] += tap * u[:, s]
    torch.testing.assert_close(layer(u)[0], y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("low_rank", [False, True])
def test_untied_channels_start_alike_and_train_apart(low_rank):
    layers = []
    for copies in (1, 3):
        torch.manual_seed(0)
        layers.append(S4(normal_basis(4, low_rank=low_rank), 3, n_ssm=copies))
    tied, untied = layers
    torch.testing.assert_close(tied.kernel(20), untied.kernel(20))
    assert untied.A_imag.shape == (3, 4)
    untied(torch.randn(1, 20, 3))[0][..., 0].sum().backward()
    assert untied.A_imag.grad[0].abs().sum() > 0
    assert untied.A_imag.grad[1:].abs().sum() == 0


def test_frozen_layers_train_c_only():
    layer = S4(small_ptd()[0], 2, feedthrough=False, **C_ONLY)
    assert [name for name, _ in layer.named_parameters()] == ["C"]
    assert {name for name, _ in layer.named_buffers()} == {"log_A_real", "A_imag", "log_dt", "B"}


def test_folded_b_leaves_no_b():
    layer = S4(normal_basis(8), 2)
    assert {name for name, _ in layer.named_parameters()} == {
        "log_A_real",
        "A_imag",
        "log_dt",
        "C",
        "D",
    }


def test_unstable_bases_are_refused():
    from papers.s5_ptd.models import rand_basis

    basis, _ = rand_basis(8, 0.1)
    unstable = type(basis)(-basis.lam.conj(), basis.V, basis.to_modal, basis.B)
    with pytest.raises(ValueError, match="positive real part"):
        S4(unstable, 2)


@pytest.mark.parametrize(
    "options",
    [
        {"frozen": ("x",)},
        {"dt_min": -1.0},
        {"n_ssm": 3},
        {"input_matrix": "x"},
        {"c_init": "x"},
        {"real_transform": "x"},
        {"dt_transform": "x"},
        {"imag_transform": "x"},
        {"discretisation": "x"},
        {"d_model": 0},
        {"mode": "x"},
    ],
)
def test_bad_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        S4(normal_basis(4), **{"d_model": 2, **options})


def test_low_rank_goes_with_bilinear_only():
    with pytest.raises(ValueError, match="bilinear"):
        S4(normal_basis(4, low_rank=True), 2, discretisation="zoh")


@pytest.mark.parametrize("real", ["exp", "relu", "softplus", "none", "sigmoid"])
@pytest.mark.parametrize("imag", ["none", "exp"])
@pytest.mark.parametrize("dt", ["exp", "softplus"])
def test_parameterisations_start_from_the_same_kernel(real, imag, dt):
    """-1/2 lies within reach of every transform."""
    kernels = []
    for options in ({}, {"real_transform": real, "imag_transform": imag, "dt_transform": dt}):
        torch.manual_seed(0)
        kernels.append(S4(halve(normal_basis(8)), 2, **options).kernel(30))
    torch.testing.assert_close(kernels[1], kernels[0], rtol=2e-3, atol=2e-4)


def test_bilinear_diagonal_is_the_dense_bilinear_rule():
    torch.manual_seed(3)
    layer = S4(halve(normal_basis(8)), 1, discretisation="bilinear", c_init="original_basis")
    torch.manual_seed(3)
    dt = torch.empty(1).uniform_(torch.log(torch.tensor(0.001)), torch.log(torch.tensor(0.1))).exp()
    c = torch.randn(1, 1, 8, dtype=torch.float64)[0, 0]
    wanted = dense_kernel(legs_normal(8), legs(8)[1] / 2, c, float(dt), 50, "bilinear")
    torch.testing.assert_close(layer.kernel(50)[0, 0].double(), wanted, rtol=1e-3, atol=1e-5)


def test_spectra_are_dealt_out_to_channels_in_turn():
    slow, fast = (diagonal_basis(torch.tensor([-0.5 + w * 1j]), torch.ones(1)) for w in (1, 9))
    layer = S4([slow, fast], 4, c_init="complex_normal")
    assert layer.eigenvalues().imag[:, 0].tolist() == [1, 9]
    lam_step, _, _ = layer._modes(1.0)
    frequency = lam_step.imag[:, 0] / layer.step_sizes()
    torch.testing.assert_close(frequency, torch.tensor([1.0, 9, 1, 9]))


def test_c_starts_as_complex_noise_of_unit_variance():
    layer = S4(diagonal_basis(torch.full((50,), -0.5 + 1j), torch.ones(50)), 40, bidirectional=True)
    C = torch.view_as_complex(layer.C)
    assert C.real.var().item() == pytest.approx(0.5, rel=0.1)
    assert C.imag.var().item() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("real", ["exp", "relu", "none"])
def test_a_decay_of_exactly_two_steps_under_the_bilinear_rule(real):
    """step lam = -2 gives lam_bar = 0: the impulse response is B_bar and nothing after it."""
    layer = S4(
        diagonal_basis(torch.tensor([-16.0 + 0j]), torch.ones(1)),
        1,
        discretisation="bilinear",
        real_transform=real,
        dt_min=0.125,
        dt_max=0.125,
    )
    with torch.no_grad():
        layer.log_dt.fill_(torch.tensor(0.125).log())
    kernel = layer.kernel(8)
    assert torch.isfinite(kernel).all()
    assert kernel[0, 0, 1:].abs().max() < 1e-6 * kernel[0, 0, 0].abs()
    kernel.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in layer.parameters() if p.grad is not None)
