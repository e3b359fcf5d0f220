"""The S5 layer against the dense MIMO system it stands for."""

from __future__ import annotations

import pytest
import torch

from common.kernels.discretise import zoh
from common.nn.initialisers import flax_dense_, lecun_normal
from common.nn.modal import halve
from common.nn.s5 import S5
from papers.s5_ptd.models import normal_basis
from tests.systems import small_ptd

BASES = {
    "ptd": lambda: small_ptd()[0],
    "diag": lambda: normal_basis(8),
    "diag halved": lambda: halve(normal_basis(8)),
}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def stepwise(layer, u):
    """The recurrence of one sequence (length, width), in float64, forwards and backwards."""
    lam_bar, scale = zoh(layer.eigenvalues().to(torch.complex128), layer.log_step.exp().double())
    B_bar = scale[:, None] * torch.view_as_complex(layer.B).to(torch.complex128)
    C = torch.view_as_complex(layer.C).to(torch.complex128)
    drive = u.double().to(torch.complex128) @ B_bar.T

    def states(order):
        x, out = torch.zeros_like(lam_bar), {}
        for k in order:
            x = lam_bar * x + drive[k]
            out[k] = x
        return torch.stack([out[k] for k in range(len(u))])

    x = states(range(len(u)))
    if layer.bidirectional:
        x = torch.cat([x, states(range(len(u) - 1, -1, -1))], dim=1)
    y = (x @ C.T).real * (2 if layer.conj_sym else 1)
    return y + layer.D.double() * u.double()


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", BASES)
def test_equals_the_recurrence(name, bidirectional):
    layer = S5(BASES[name](), 3, blocks=2, bidirectional=bidirectional)
    u = torch.randn(2, 37, 3)
    y, _ = layer(u)
    for one, wanted in zip(y, u, strict=True):
        torch.testing.assert_close(one.double(), stepwise(layer, wanted), rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", ["ptd", "diag"])
def test_has_the_transfer_function_of_the_dense_blocks(name):
    """Blocks of (A, B, C) in the original basis: V enters B by V^-1, C by V, unitary or not."""
    from common.kernels.hippo import legs, legs_normal

    basis, n, blocks, width = BASES[name](), 8, 2, 3
    torch.manual_seed(1)
    layer = S5(basis, width, blocks=blocks)
    # The same draws in the original basis; the layer takes its step sizes first.
    torch.manual_seed(1)
    torch.empty(len(layer.Lambda_re)).uniform_()
    B = lecun_normal((blocks * n, width), fan_in=blocks * n).to(torch.complex128)
    real, imaginary = (lecun_normal((width, blocks * n), blocks * n).double() for _ in range(2))
    C = torch.complex(real, imaginary)
    A = legs_normal(n) if name == "diag" else legs(n)[0] + small_ptd()[1].E
    dense = torch.block_diag(*[A] * blocks).to(torch.complex128)
    lam = layer.eigenvalues().to(torch.complex128)
    B_modal = torch.view_as_complex(layer.B).to(torch.complex128)
    C_modal = torch.view_as_complex(layer.C).to(torch.complex128)
    for s in (0.3 + 0.7j, 2.0j, 1.0 + 11.0j):
        wanted = C @ torch.linalg.solve(s * torch.eye(len(dense)) - dense, B)
        got = (C_modal / (s - lam)) @ B_modal
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-4)


def test_parameter_counts_follow_the_state():
    full, half = S5(normal_basis(8), 4, blocks=2), S5(halve(normal_basis(8)), 4, blocks=2)
    assert full.Lambda_re.shape == (16,)
    assert half.Lambda_re.shape == (8,)
    assert half.B.shape == (8, 4, 2)
    assert S5(halve(normal_basis(8)), 4, bidirectional=True).C.shape == (4, 8, 2)


def test_constraints_keep_the_eigenvalues_stable():
    for constraint, wanted in (("clip", -1e-4), ("force_neg", -0.5), ("none", 0.5)):
        layer = S5(normal_basis(4), 2, constraint=constraint)
        with torch.no_grad():
            layer.Lambda_re.fill_(0.5)
        assert torch.allclose(layer.eigenvalues().real, torch.full((4,), wanted))


def test_c_init_has_the_stated_spread():
    wide = 64
    for how, fan_in in (("trunc_standard_normal", wide), ("lecun_normal", wide * wide)):
        C = torch.view_as_complex(S5(normal_basis(wide), wide, c_init=how).C)
        # V is unitary, so the variance of the draw survives; two parts of 1/fan_in each.
        assert C.abs().square().mean().item() == pytest.approx(2 / fan_in, rel=0.1)
    C = torch.view_as_complex(S5(normal_basis(wide), wide, c_init="complex_normal").C)
    assert C.abs().square().mean().item() == pytest.approx(1, rel=0.1)


def test_hippo_columns():
    basis, _ = small_ptd()
    layer = S5(basis, 3, blocks=2, b_init="hippo")
    wanted = basis.input_modal().to(torch.complex64).repeat(2)[:, None].expand(16, 3)
    torch.testing.assert_close(torch.view_as_complex(layer.B), wanted)


def test_lecun_normal_is_truncated_with_the_right_variance():
    x = lecun_normal((400, 500), fan_in=25)
    assert x.var().item() == pytest.approx(1 / 25, rel=0.02)
    assert x.abs().max() <= 2 * (1 / 25) ** 0.5 / 0.8796


def test_flax_dense_resets_every_linear():
    net = flax_dense_(torch.nn.Sequential(torch.nn.Linear(100, 200), torch.nn.GELU()))
    assert torch.equal(net[0].bias, torch.zeros(200))
    assert net[0].weight.var().item() == pytest.approx(1 / 100, rel=0.05)


def test_gradients_reach_every_parameter():
    layer = S5(halve(normal_basis(8)), 3, bidirectional=True)
    layer(torch.randn(2, 20, 3))[0].square().sum().backward()
    for name, parameter in layer.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    "options",
    [{"c_init": "x"}, {"b_init": "x"}, {"discretisation": "x"}, {"constraint": "x"},
     {"dt_min": 0.0}, {"dt_min": 1.0, "dt_max": 0.1}, {"blocks": 0}],
)  # fmt: skip
def test_bad_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        S5(normal_basis(4), 2, **options)


def test_an_odd_system_cannot_be_halved():
    with pytest.raises(ValueError, match="even state size"):
        halve(normal_basis(5))
