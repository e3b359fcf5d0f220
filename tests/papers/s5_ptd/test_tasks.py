"""The experiments' own arithmetic, against closed forms and by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from common.kernels.hippo import legs, legs_normal
from common.nn.s4 import S4
from papers.s5_ptd.models import normal_basis
from papers.s5_ptd.tasks import fourier_noise as noise
from papers.s5_ptd.tasks import frequency_extrapolation as extrapolation
from papers.s5_ptd.tasks import layer_equivalence as equivalence
from papers.s5_ptd.tasks import ptd_solver
from papers.s5_ptd.tasks import transfer_functions as transfer
from tests.systems import small_ptd


class Recorder(nn.Module):
    """Two S4 layers whose inputs can be looked at."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            S4(normal_basis(4), 3, frozen=("A", "B", "dt")) for _ in range(2)
        )
        self.seen = []
        for layer in self.layers:
            layer.register_forward_pre_hook(lambda _, inputs: self.seen.append(inputs[0]))

    def forward(self, u):
        for layer in self.layers:
            u, _ = layer(u)
        return u


def test_noise_enters_every_layer_at_its_own_step():
    torch.manual_seed(0)
    model, u = Recorder(), torch.zeros(2, 50, 3)
    with noise.layer_noise(model, 0.5, 7.0):
        model(u)
    # The recorders were registered first and see the inputs before the noise.
    model.seen.clear()
    seen = []
    with noise.layer_noise(model, 0.5, 7.0):
        handles = [
            layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
            for layer in model.layers
        ]
        model(u)
        for handle in handles:
            handle.remove()
    assert len(seen) == 2
    k = torch.arange(50, dtype=torch.float64)
    for clean, noisy, layer in zip(model.seen, seen, model.layers, strict=True):
        added = noisy - clean
        wave = torch.cos(7.0 * layer.log_dt.double().exp() * k[:, None]).float()
        amplitude = added[:, :1] / 0.5
        assert ((amplitude >= 0) & (amplitude < 1)).all()
        torch.testing.assert_close(added, 0.5 * amplitude * wave, rtol=1e-4, atol=1e-6)
    # One draw a sample and channel, another in each layer.
    first, second = (n[:, 0] - c[:, 0] for n, c in zip(seen, model.seen, strict=True))
    assert not torch.allclose(first, second)
    assert len(first.unique()) == 6


def test_the_same_noise_for_every_model_and_frequency():
    outputs = []
    for _ in range(2):
        torch.manual_seed(0)
        model = Recorder()
        with noise.layer_noise(model, 1.0, 3.0):
            outputs.append(model(torch.zeros(2, 20, 3)))
    assert torch.equal(*outputs)
    with noise.layer_noise(model, 1.0, 3.0):
        pass
    assert torch.equal(model(torch.zeros(1, 20, 3)), torch.zeros(1, 20, 3))


def test_noise_needs_s4_layers():
    with (
        pytest.raises(ValueError, match="S4 layers"),
        noise.layer_noise(nn.Linear(2, 2), 1.0, 1.0),
    ):
        pass


def test_the_first_frequency_is_the_last_spike():
    noise.check_frequency(32, [325.4255, 20])
    with pytest.raises(ValueError, match=r"80\.96"):
        noise.check_frequency(16, [325.4255])
    with pytest.raises(ValueError, match="empty"):
        noise.check_frequency(32, [])


def test_signals_are_what_their_targets_say():
    task = SimpleNamespace(length=512, duration=5.12, train_frequency=80.0)
    u, targets = extrapolation.signals(task, 50, 100.0, 0)
    assert u.shape == (50, 512, 1)
    w, amplitude = targets[:, 0] * 80, targets[:, 1]
    assert w.max() > 80
    assert u.abs().amax((1, 2)).le(amplitude + 1e-6).all()
    # u'' = -w^2 u, by central differences where they are accurate.
    dt = 5.12 / 512
    slow = w < 20
    second = (u[:, 2:] - 2 * u[:, 1:-1] + u[:, :-2]) / dt**2
    ratio = (second * u[:, 1:-1]).sum((1, 2)) / u[:, 1:-1].square().sum((1, 2))
    torch.testing.assert_close(-ratio[slow], w[slow] ** 2, rtol=0.02, atol=0.5)
    again, _ = extrapolation.signals(task, 50, 100.0, 0)
    assert torch.equal(u, again)


def test_errors_are_split_at_the_training_range():
    task = SimpleNamespace(train_frequency=80.0)
    targets = torch.tensor([[0.5, 1.0], [1.1, 1.0]])
    predicted = torch.tensor([[0.6, 0.8], [1.0, -0.2]])
    got = extrapolation.errors(predicted, targets, task)
    assert got["frequency_error_inside"] == pytest.approx(8.0, rel=1e-4)
    assert got["amplitude_error_outside"] == pytest.approx(1.2)
    assert got["least_amplitude_outside"] == pytest.approx(-0.2)


@pytest.mark.parametrize(("n", "wanted"), [(4, 0.4916), (8, 0.4990), (16, 0.4999), (32, 0.49998)])
def test_weak_convergence_has_the_stated_constants(n, wanted):
    assert n * transfer.l2_error(n) == pytest.approx(wanted, abs=6e-5)


def test_l2_error_by_quadrature():
    """Parseval on a grid: 1/(2 pi) int |G_DPLR - G_Diag|^2 |u^|^2 dw with u = e^-t."""
    n = 4
    x = torch.linspace(-math.pi / 2, math.pi / 2, 200_001, dtype=torch.float64)[1:-1]
    w, weight = torch.tan(x), 1 / torch.cos(x) ** 2
    A, (_, B) = legs_normal(n), legs(n)
    C = torch.eye(n, dtype=torch.float64)[0]
    from common.kernels.transfer import transfer_function

    s = 1j * w
    difference = (1 / (s + 1) - transfer_function(A, B / 2, C, 0.0, s)) / (s + 1)
    squared = torch.trapezoid(difference.abs() ** 2 * weight, x) / (2 * math.pi)
    assert transfer.l2_error(n) == pytest.approx(math.sqrt(float(squared)), rel=1e-5)


def test_reflection_changes_unstable_systems_only():
    A = torch.diag(torch.tensor([-1.0, -2.0], dtype=torch.float64))
    assert transfer._reflected(A) is A
    reflected = transfer._reflected(torch.diag(torch.tensor([1.0, -2.0], dtype=torch.float64)))
    torch.testing.assert_close(
        reflected, torch.diag(torch.tensor([-1.0, -2.0])).to(torch.complex128)
    )


def test_distance_of_hippo_to_itself_is_nothing():
    A, B, _ = transfer.normalised("hippo_dense", 8)
    assert torch.linalg.vector_norm(B).item() == pytest.approx(1)
    assert transfer.distance(8, A, B) < 1e-12


def test_every_start_has_its_distance():
    E = small_ptd()[1].E
    got = transfer.strong_convergence(8, E, [0.02, 0.01], [0.0015])
    assert got["dplr_relative_distance_n8"] < 1e-12
    assert got["diag_relative_distance_n8"] == pytest.approx(0.644, abs=1e-3)
    assert got["ptd_relative_distance_n8_ratio0.0015"] < 0.01
    assert got["ptd_abs_relative_distance_n8_ratio0.0015"] < 0.01
    # A random perturbation of the same norm is far less careful.
    assert got["rand_relative_distance_n8_ratio0.0015"] > 0.01
    # B_H in place of B_H / 2: wrong already at zero frequency.
    assert got["diag_clip2_relative_distance_n8"] > 0.9
    assert got["halving_n8_eps0.02"] == pytest.approx(2, abs=0.01)


def test_the_residual_sees_what_eigenpairs_hide():
    exact = ptd_solver.exact(32)
    A, _ = legs(32)
    defect = A.to(torch.complex128) @ exact.V - exact.V * exact.lam
    assert torch.linalg.matrix_norm(defect) / torch.linalg.matrix_norm(A) < 1e-14
    assert ptd_solver.residual(A, exact.lam, exact.V) > 1
    good = small_ptd()[1]
    assert ptd_solver.residual(legs(8)[0] + good.E, good.lam, good.V) < 1e-10


def test_slope_of_a_power_law():
    path = [SimpleNamespace(ratio=r, kappa=2 / r) for r in (1e-3, 1e-2, 3e-2, 0.1)]
    path[-1].kappa = 1e9  # beyond 0.03: not part of the fit
    assert ptd_solver.slope(path)["kappa_slope"] == pytest.approx(-1)


def test_dense_output_is_the_exact_solution_for_a_held_input():
    """Against scipy's matrix exponential, step by step."""
    from scipy.linalg import expm

    A, B = legs(4)
    C, u, dt = torch.randn(4).double(), torch.randn(6).double(), 0.1
    A_bar = torch.from_numpy(expm(A.numpy() * dt))
    B_bar = torch.linalg.solve(A, (A_bar - torch.eye(4)) @ B)
    x, wanted = torch.zeros(4, dtype=torch.float64), []
    for value in u:
        x = A_bar @ x + B_bar * value
        wanted.append(C @ x)
    torch.testing.assert_close(equivalence.dense_output(A, B, C, dt, u), torch.stack(wanted))


def test_three_ways_agree():
    u = equivalence.smooth_input(100)
    got = equivalence.three_ways(small_ptd()[0], torch.randn(8).double(), 0.05, u)
    assert max(got.values()) < 1e-12
