"""The experiments' own arithmetic, against closed forms and by hand."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from common.errors import Diverged
from common.kernels.dplr import dplr_kernel
from common.kernels.hippo import legs
from papers.hippo.models import state_responses
from papers.hippo.schema import DPLRTask, TimescaleTask
from papers.hippo.signals import white_noise
from papers.hippo.tasks import approximation_rate, delay, dplr_exact, readout, timescale
from papers.hippo.tasks import orthogonal_bases as bases


def options(**changes):
    return SimpleNamespace(**({"lr": 0.1, "cosine": True, "steps": 200, "batch_size": 4} | changes))


def untracked(items, description):
    return items


def test_gramians_agree():
    A, B = legs(5)
    whole, finite = bases.gramian(A, B), bases.finite_gramian(A, B, 30.0)
    torch.testing.assert_close(whole, finite, rtol=1e-8, atol=1e-10)


def test_figures_of_the_bases():
    assert bases.warped_legendre(8)["legs_kernel_error_n8"] < 1e-12
    fourier = bases.truncated_fourier(16)
    assert fourier["fout_inside_n16"] == pytest.approx(0.132, abs=1e-3)
    assert fourier["fout_outside_n16"] < 0.09
    delays = bases.pade_delay()
    assert delays["legt_delay_error_n8_w5"] == pytest.approx(1.3543e-2, rel=1e-3)
    assert delays["legt_pade_error_n6"] < 1e-9
    assert max(bases.equivalences().values()) < 1e-9
    assert max(bases.time_varying().values()) < 1e-9
    members = bases.other_members()
    assert members["foud_kernel_error"] < 1e-12
    assert members["glagt_kernel_error"] < 1e-12
    assert members["fourier_decay_period_ratio"] == pytest.approx(3, rel=0.01)


def test_a_wrong_system_is_seen():
    """Transposed LegS has the same spectrum and another basis."""
    A, B = legs(8)
    t = torch.linspace(0, 2, 5, dtype=torch.float64)
    wrong = bases.kernel(A.mT.contiguous(), B, t)
    assert float((wrong - bases.kernel(A, B, t)).abs().max()) > 0.1


def small(**changes):
    task = TimescaleTask(length=120, memory=30, dt=0.01, band=10.0, state_size=12)
    for name, value in ({"train_samples": 300, "test_samples": 100} | changes).items():
        setattr(task, name, value)
    return task


def test_reconstruction_is_ridge_regression():
    task = small(ridge=1e-3)
    generator = torch.Generator().manual_seed(0)
    u = white_noise(400, 120, 0.01, 10.0, generator)
    states = (u.flip(1) @ state_responses("legt", 12, 2 / 30, 120).mT).numpy()
    scale = np.sqrt((states[:300] ** 2).mean(0))
    # Ridge as a least-squares problem with extra rows.
    rows = np.concatenate([states[:300] / scale, math.sqrt(300 * 1e-3) * np.eye(12)])
    wanted = np.concatenate([u[:300, -30:].numpy(), np.zeros((12, 30))])
    weights = np.linalg.lstsq(rows, wanted, rcond=None)[0]
    error = ((states[300:] / scale @ weights - u[300:, -30:].numpy()) ** 2).mean()
    assert timescale.reconstruction_error("legt", 2 / 30, u, task) == pytest.approx(error, rel=1e-8)


def test_the_dead_state_of_fout_does_no_harm():
    u = white_noise(400, 120, 0.01, 10.0, torch.Generator().manual_seed(0))
    assert timescale.reconstruction_error("fout", 2 / 30, u, small(ridge=0.0)) < 0.1


def test_quantiles_are_log_uniform():
    steps = timescale.log_uniform_quantiles(SimpleNamespace(dt_min=0.01, dt_max=1.0, draws=4))
    np.testing.assert_allclose(np.log10(steps), [-1.75, -1.25, -0.75, -0.25])


@pytest.mark.parametrize("changes", [{"memory": 121}, {"grid": 0}, {"dt_min": 0.2}])
def test_sizes_of_the_reconstruction(changes):
    with pytest.raises(ValueError, match=r"task\."):
        timescale.check(small(**changes))


def test_delayed():
    u = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    assert torch.equal(delay.delayed(u, 2), torch.tensor([[0.0, 0.0, 1.0, 2.0]]))


def test_the_error_of_a_ramp_is_a_tail_sum():
    """t = 1/2 - sum sin(2 pi j t)/(pi j), so the error is the tail of 1/(2 pi^2 j^2)."""
    errors = approximation_rate.projection_errors(lambda t: t, [1, 3])
    tail = 1 / 12 - np.array([0, (1 + 1 / 4) / (2 * math.pi**2)])
    np.testing.assert_allclose(errors, np.sqrt(tail), rtol=1e-10)


def test_what_is_in_the_span_has_no_error():
    def wave(t):
        return 1 + math.sin(4 * math.pi * t)

    (error,) = approximation_rate.projection_errors(wave, [3])
    assert error < 1e-6


def test_training_finds_the_least_squares_solution():
    torch.manual_seed(0)
    x = torch.randn(16, 3)
    model = nn.Linear(3, 1)
    wanted = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.3

    def loss(batch):
        return (model(x[batch]) - wanted[batch]).square().mean()

    readout.train(model.parameters(), loss, 16, options(batch_size=16), untracked, "test")
    assert loss(torch.arange(16)).item() < 1e-4


def test_every_sample_is_seen_once_a_pass():
    weight, seen = nn.Parameter(torch.zeros(1)), []

    def loss(batch):
        seen.append(batch)
        return weight.square().sum()

    readout.train([weight], loss, 8, options(steps=4), untracked, "test")
    for one_pass in (torch.cat(seen[:2]), torch.cat(seen[2:])):
        assert torch.equal(one_pass.sort().values, torch.arange(8))


def test_divergence_is_reported():
    weight = nn.Parameter(torch.ones(1))
    with pytest.raises(Diverged):
        readout.train([weight], lambda _: weight.sum() * math.nan, 8, options(), untracked, "test")


@pytest.mark.parametrize("changes", [{"batch_size": 9}, {"steps": 0}, {"lr": 0.0}])
def test_options_of_training(changes):
    weight = nn.Parameter(torch.ones(1))
    with pytest.raises(ValueError, match="batch_size="):
        readout.train([weight], lambda _: weight.sum(), 8, options(**changes), untracked, "test")


@pytest.mark.parametrize("measure", ["legs", "legt"])
@pytest.mark.parametrize("halved", [False, True])
def test_the_exact_kernel_needs_its_truncation_factor(measure, halved):
    """At these steps the kernel has not died out after its length: A_bar^L is far from 0."""
    task = DPLRTask()
    C, step = torch.ones(1, 8).double(), torch.tensor([0.005]).double()
    wanted = dplr_exact.dense_kernel(measure, C, step, task.length)
    assert float(wanted[:, -10:].abs().max() / wanted.abs().max()) > 1e-3
    modal = dplr_exact.modal_system(measure, C, torch.complex128, halved=halved)
    got = dplr_kernel(*modal, step, task.length, conj_sym=halved)
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-12)
