"""The experiments' own arithmetic, against independent computations of small size."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console
from scipy.linalg import expm
from scipy.special import eval_legendre
from torch import nn

from common.data.context import DataContext
from common.data.pulse import to_units
from common.data.sequence import SequenceData, SequenceSplit
from common.errors import Diverged
from common.experiment.context import RunContext
from common.experiment.interruption import StopRequest
from common.experiment.paths import conf_folder
from common.experiment.registration import register
from common.kernels.delay import band_limited_covariance
from common.kernels.dense import dense_zoh, impulse_responses
from common.kernels.hippo import legs, legs_normal
from common.nn.modal import diagonal_basis
from common.nn.s4 import S4
from common.trainers.fit import FitResult
from papers.s4d.schema import InitialDelayTask, RateTask
from papers.s4d.tasks import (
    asymptotics,
    classify_rates,
    initial_delay,
    kernel_agreement,
    limit_theorem,
    low_rank_perturbation,
    rate_change,
    regress,
    stability,
)


def composed(*overrides):
    register()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return compose("config", overrides=["paper=s4d", "scale=smoke", *overrides])


def context(config, folder: Path) -> RunContext:
    return RunContext(
        config, folder, DataContext(folder, download=False), StopRequest(), Console(quiet=True)
    )


def images(length=16, n=64):
    split = SequenceSplit(torch.randn(n, length, 1), torch.arange(n) % 10)
    return SequenceData("made up", split, split, split, 10, None, 1, False, "noise", "")


@pytest.mark.parametrize("n", [24, 48])
def test_asymptotics(n):
    found = asymptotics.at_size(n)
    skew = legs_normal(n).numpy() + np.eye(n) / 2
    largest = np.linalg.eigvalsh(-1j * skew).max()
    assert found[f"largest_imag_n{n}"] == pytest.approx(largest, rel=1e-12)
    assert found[f"constant_n{n}"] == pytest.approx({24: 0.5226, 48: 0.5233}[n], abs=1e-4)
    assert found[f"constant_n{n}"] < math.pi / 6
    assert found[f"real_part_error_n{n}"] < 1e-11
    inv = n / math.pi * (n - 1)
    assert found[f"inv_error_n{n}"] >= abs(inv / largest - 1) - 1e-12


@pytest.mark.parametrize("factor", [0.5, 1.0])
def test_component_zero_of_the_normal_system(factor):
    """Its kernel is e_0^T exp(t A_perp) factor B_H."""
    n = 8
    lam, residues = limit_theorem.component(n, factor)
    A, B = legs_normal(n).numpy(), factor * legs(n)[1].numpy()
    for t in (0.0, 0.1, 1.7):
        found = (residues * torch.exp(lam * t)).sum()
        assert complex(found) == pytest.approx((expm(t * A) @ B)[0], abs=1e-10)


def test_the_limit_needs_half_of_b():
    errors = [limit_theorem.held_error(n, 0.05, 100, 0.5) for n in (16, 32, 64)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1
    assert limit_theorem.held_error(64, 0.05, 100, 1.0) > 0.5


def test_held_error_against_a_dense_system():
    A, B = legs_normal(16), legs(16)[1] / 2
    kernel = impulse_responses(*dense_zoh(A, B, 0.05), 40)[0]
    t = 0.05 * torch.arange(41, dtype=torch.float64)
    held = torch.exp(-t[:-1]) - torch.exp(-t[1:])
    wanted = float((kernel - held).abs().max()) / 0.05
    assert limit_theorem.held_error(16, 0.05, 40, 0.5) == pytest.approx(wanted, rel=1e-8)


def test_a_random_rank_one_part_is_no_hippo():
    """Averages of e^-t L_n(e^-t) over a step, from their antiderivative by quadrature."""
    n, step, length = 16, 0.1, 20
    p = torch.sqrt(torch.arange(n, dtype=torch.float64) + 0.5)
    A, B = legs_normal(n), legs(n)[1]
    hippo = low_rank_perturbation.held(A - torch.outer(p, p), B, step, length)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    t = step * (np.arange(length)[:, None] + (nodes + 1) / 2)
    for k in range(low_rank_perturbation.COMPONENTS):
        values = np.exp(-t) * np.sqrt(2 * k + 1) * eval_legendre(k, 2 * np.exp(-t) - 1)
        np.testing.assert_allclose(hippo[k], values @ weights / 2, atol=1e-9)
    q = low_rank_perturbation.random_direction(n, 0)
    assert float(torch.linalg.vector_norm(q)) == pytest.approx(1)
    assert not torch.equal(q, low_rank_perturbation.random_direction(n, 1))
    q = q * torch.linalg.vector_norm(p)
    replaced = low_rank_perturbation.held(A - torch.outer(q, q), B, step, length)
    dropped = low_rank_perturbation.held(A, B / 2, step, length)
    far = low_rank_perturbation.distance(replaced, hippo)
    assert far > 2 * low_rank_perturbation.distance(dropped, hippo)


def test_continuous_error_against_quadrature():
    n, horizon = 16, 5.0
    lam, residues = (x.numpy() for x in limit_theorem.component(n, 0.5))
    t = np.linspace(0, horizon, 200_001)
    kernel = sum(r * np.exp(a * t) for a, r in zip(lam, residues, strict=True)).real
    wanted = np.sqrt(np.trapezoid((kernel - np.exp(-t)) ** 2, t))
    assert limit_theorem.continuous_error(n, horizon) == pytest.approx(wanted, rel=1e-5)
    assert wanted == pytest.approx(0.495, abs=5e-3)


@pytest.mark.parametrize("rule", ["zoh", "bilinear"])
def test_three_forms_of_a_layer(rule):
    layer = kernel_agreement.layer_of("inv", rule, 8, 2)
    kernel = layer.kernel(30)[0]
    assert kernel.dtype == torch.float64
    torch.testing.assert_close(kernel_agreement.stepped(layer, 30), kernel, rtol=0, atol=1e-12)
    dense = kernel_agreement.dense(layer, kernel_agreement.RULES[rule], 30)
    torch.testing.assert_close(dense, kernel, rtol=0, atol=1e-12)
    other = kernel_agreement.RULES["zoh" if rule == "bilinear" else "bilinear"]
    wrong = kernel_agreement.dense(layer, other, 30)
    assert float((wrong - kernel).abs().max()) > 1e-3


def test_the_softmax_by_its_definition_sees_an_error():
    layer = kernel_agreement.layer_of("lin", "zoh", 8, 2)
    for guard in (0.0, 1e-7):
        found = kernel_agreement.dss(layer, 30, guard)
        wanted = kernel_agreement.softmax_kernel(layer, 30, guard)
        torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)
        longer = kernel_agreement.softmax_kernel(layer, 31, guard)[:, :30]
        assert float((found - longer).abs().max()) > 1e-4


def test_recall_is_what_samples_give():
    """Ridge regression on simulated states; the closed form is its limit of many samples."""
    task = InitialDelayTask(band=0.5, lag=6, length=40, state_size=8, ridge=1e-6)
    covariance = band_limited_covariance(40, 0.5)
    found = initial_delay.recall(task, "lin", 0, covariance)
    rng = np.random.default_rng(0)
    values, vectors = np.linalg.eigh(covariance.numpy())
    root = vectors * np.sqrt(values.clip(0))
    past = rng.standard_normal((40_000, 40)) @ root.T  # column l is u_{k-l}
    lam, dt = -0.5 + 1j * np.pi * np.arange(4), 2 / 6
    responses = (np.exp(lam * dt) - 1) / lam * np.exp(lam * dt * np.arange(40)[:, None])
    states = past @ responses
    features = np.concatenate([states.real, states.imag], 1)
    target = past[:, 6]
    weights = np.linalg.lstsq(features, target, rcond=1e-6)[0]
    wanted = np.sqrt(((features @ weights - target) ** 2).mean() / (target**2).mean())
    assert found == pytest.approx(wanted, rel=0.03)
    assert found < initial_delay.recall(task, "lin_scaled", 0, covariance)


def test_real_has_as_many_real_states():
    """With N states of its own, not N/2, it is not handicapped by the count."""
    task = InitialDelayTask(band=0.5, lag=6, length=40, state_size=4, ridge=0.0)
    covariance = band_limited_covariance(40, 0.5)
    lam = -np.arange(1, 5)
    K = (np.exp(lam / 3) - 1) / lam * np.exp(lam / 3 * np.arange(40)[:, None])
    R = covariance.numpy()
    s = K.T @ R[:, 6]
    wanted = np.sqrt(1 - s @ np.linalg.solve(K.T @ R @ K, s))
    assert initial_delay.recall(task, "real", 0, covariance) == pytest.approx(wanted, rel=1e-6)


def test_a_change_of_rate():
    task = RateTask(length=800, ramp=100, state_size=8, steps=[0.01])
    slow = rate_change.waves(task, [400.0])
    assert float(slow[0]) == 0
    assert float(slow[100]) == pytest.approx(math.sin(math.pi / 2))
    error, worst = rate_change.halved_rate(task, "lin", 0.01, slow)
    assert error < 0.02
    assert error < worst < 4 * error
    assert rate_change.halved_rate(task, "lin", 0.01, slow, rate=1.0)[0] > 10 * error
    fast = rate_change.waves(task, [20.0])
    assert rate_change.halved_rate(task, "lin", 0.01, fast)[0] > 5 * error


def test_the_ablation_of_b_trains_it():
    assert composed("task=input_vector", "model.b_init=one").model.input_matrix == "trained"


def test_the_solver_of_the_spectrum_is_judged_by_its_residual(monkeypatch):
    """Any unitary V has Rayleigh quotients of real part -1/2; a residual only the right one."""
    assert asymptotics.at_size(24)["residual_n24"] < 1e-14
    right = asymptotics.nplr

    def wrong(measure, n):
        parts = right(measure, n)
        V, _ = torch.linalg.qr(torch.randn(n, n, dtype=parts.V.dtype))
        return replace(parts, V=V)

    monkeypatch.setattr(asymptotics, "nplr", wrong)
    assert asymptotics.at_size(24)["residual_n24"] > 0.1
    assert asymptotics.condition(8) == pytest.approx(7.7e4, rel=0.01)


class Recorder(nn.Module):
    """Votes for the class in the first sample and notes what it was given."""

    def __init__(self):
        super().__init__()
        self.weight, self.seen = nn.Parameter(torch.ones(1)), []

    def forward(self, inputs, lengths, rate):
        self.seen.append((tuple(inputs.shape), lengths, rate, self.training))
        return nn.functional.one_hot(inputs[:, 1, 0].long(), 3).float()


def test_accuracy_at_another_rate():
    inputs = torch.zeros(5, 8, 1)
    inputs[:, 2, 0] = torch.tensor([0.0, 1, 2, 0, 1])  # sample 1 of every second one
    split = SequenceSplit(inputs, torch.tensor([0, 1, 2, 1, 2]))
    model = Recorder()
    assert classify_rates.accuracy_at(model, split, 2, 2.0, 3) == pytest.approx(60)
    assert model.seen == [((3, 4, 1), None, 2.0, False), ((2, 4, 1), None, 2.0, False)]


def test_both_rates_are_scored_with_the_best_weights(tmp_path):
    config = composed("task=sequential/chirps", "model=s4d_lin", "trainer.threads=1")
    result = classify_rates.run(context(config, tmp_path))
    assert {"accuracy", "accuracy_half_rate", "accuracy_half_rate_unscaled"} <= set(result.metrics)
    data = classify_rates.load_data(context(config, tmp_path))
    model = classify_rates.load_best(classify_rates.build(config.model, data), tmp_path)
    found = classify_rates.accuracy_at(model, data.test, 1, 1.0, 100)
    assert found == pytest.approx(result.metrics["accuracy"])


def test_half_a_rate_needs_signals(tmp_path, monkeypatch):
    data = images()
    ragged = replace(data, test=replace(data.test, lengths=torch.full((64,), 16)))
    monkeypatch.setattr(classify_rates, "load_data", lambda context: ragged)
    config = composed("task=sequential/chirps", "model=s4d_lin")
    with pytest.raises(ValueError, match="real-valued sequences of one length"):
        classify_rates.run(context(config, tmp_path))


def test_errors_are_in_units():
    score = regress.negative_error(to_units("heart_rate"))
    found = score(torch.tensor([[1.0], [0.5]]), torch.tensor([[0.0], [0.5]]))
    assert found.tolist() == pytest.approx([-(105**2) / 12, 0])


def test_the_report_of_a_regression():
    split = SequenceSplit(torch.zeros(4, 3, 2), torch.tensor([[-1.0], [1], [-1], [1]]))
    test = SequenceSplit(torch.zeros(2, 3, 2), torch.tensor([[0.0], [2.0]]))
    data = SequenceData("waves", split, split, test, 1, None, 2, False, "", "", notes=["stand-in"])
    fitted = FitResult(-9.0, -16.0, -4.0, 2, 10, 0.1, 0.5, [-25.0, -4.0])
    config = OmegaConf.create({"train": {"timed_only": False}})
    result = regress.regression_report(config, data, fitted, 3.0, 7)
    assert result.metrics["rmse"] == 3
    assert result.metrics["rmse_last_epoch"] == 4
    assert result.metrics["val_rmse"] == 2
    assert result.metrics["baseline_mean"] == pytest.approx(3 * math.sqrt(2))
    assert result.curves == {"val_score": [5, 2], "train_loss": []}
    assert result.notes[0] == "stand-in"
    config.train.timed_only = True
    timed = regress.regression_report(config, data, fitted, 3.0, 7)
    assert "rmse" not in timed.metrics
    assert "not trained" in timed.notes[-1]


def test_unstable_modes_are_counted():
    lam = torch.full((3,), -0.5 + 1j)
    layers = nn.ModuleList(
        S4(diagonal_basis(lam, torch.ones(3)), 2, n_ssm=2, real_transform="none") for _ in range(2)
    )
    assert stability.unstable_modes(layers) == 0
    with torch.no_grad():
        layers[0].A_real[0, 1] = -0.1  # the decay: a growing mode
        layers[1].A_real[1, 0] = float("nan")
        layers[1].A_real[1, 1] = 0.0
    assert stability.unstable_modes(layers) == 2


def test_a_stable_training_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(stability, "load_data", lambda context: images())
    config = composed("task=stability", "optimizer.ssm_lr=1e-5", "trainer.threads=1")
    result = stability.run(context(config, tmp_path))
    assert result.metrics["unstable_events"] == 0
    assert "accuracy" in result.metrics


def test_a_divergence_is_a_result(tmp_path, monkeypatch):
    """Rates that no float survives."""
    monkeypatch.setattr(stability, "load_data", lambda context: images())
    rates = [f"optimizer.{name}=1e30" for name in ("lr", "ssm_lr", "dt_lr")]
    config = composed("task=stability", "train.epochs=3", "trainer.threads=1", *rates)
    result = stability.run(context(config, tmp_path))
    assert result.metrics["diverged"] == 1
    assert result.metrics["unstable_events"] >= 1
    assert "not finite" in result.notes[0]
    assert result.data[0]["name"] == "made up"


def test_other_failures_are_not_swallowed(tmp_path, monkeypatch):
    monkeypatch.setattr(stability, "load_data", lambda context: images())

    def broken(*args):
        raise ZeroDivisionError

    monkeypatch.setattr(stability, "train", broken)
    config = composed("task=stability")
    with pytest.raises(ZeroDivisionError):
        stability.run(context(config, tmp_path))

    def diverging(*args):
        raise Diverged(3, 2.0)

    monkeypatch.setattr(stability, "train", diverging)
    assert stability.run(context(config, tmp_path)).metrics["diverged"] == 1


def test_closed_form_tasks_name_their_metrics():
    """Every start and both rules, through ``run``, at the smallest size."""

    def run(task, **options):
        config = SimpleNamespace(task=SimpleNamespace(**options))
        track = SimpleNamespace(config=config, track=lambda items, description: items)
        return task.run(track).metrics

    found = run(kernel_agreement, state_size=4, channels=1, length=6)
    assert set(found) == {
        "recurrence_error_zoh", "recurrence_error_bilinear", "dense_error_zoh",
        "dense_error_bilinear", "dss_softmax_error", "dss_guarded_softmax_error",
        "dss_guard_effect", "two_lines_error",
    }  # fmt: skip
    assert max(v for k, v in found.items() if k != "dss_guard_effect") < 1e-6
    delay = vars(InitialDelayTask(lag=5, length=20, state_size=4, seeds=2))
    kept = {k: delay[k] for k in ("band", "lag", "length", "state_size", "ridge", "seeds")}
    found = run(initial_delay, **kept)
    assert {"legs", "lin", "inv", "real", "lin_scaled", "random_imag_least"} <= set(found)
    with pytest.raises(ValueError, match=r"task\.lag=20"):
        run(initial_delay, **(kept | {"lag": 20}))
    limit = {"sizes": [8, 16], "step": 0.1, "length": 20, "continuous_sizes": [8], "horizon": 1.0}
    assert {"error_n8", "error_whole_b_n16", "fall_n8", "l2_error_n8"} <= set(
        run(limit_theorem, **limit)
    )
