"""E5: transfer functions of the initialisers; its theorems and Lemma 1 as numbers."""

from __future__ import annotations

import math

import torch
from scipy.linalg import solve_continuous_lyapunov
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.figures import require_matplotlib
from common.kernels.hippo import legs
from common.kernels.transfer import (
    frequency_grid,
    lemma1_ratio,
    spike_frequency,
    sup_norm,
    transfer_function,
)
from papers.s5_ptd import figures
from papers.s5_ptd.models import dense_system, ginibre, ptd_basis
from papers.s5_ptd.ptd import stabilised
from papers.s5_ptd.tasks.classify import cache

DIVERGENCE_SIZES = (4, 8, 16, 32, 64)
CONVERGENCE_SIZES = (4, 8, 16, 32)
SPIKE_SIZES = (24, 32, 64, 128)
HEIGHT_SIZES = (32, 64, 128)
LEMMA_SIZES = (1, 2, 3, 8, 16, 32, 64)
SOLVED_RATIO = 0.05  # E is solved for at this ratio and rescaled to the others


def run(context: RunContext) -> TaskResult:
    """All figures of P2 to P5, and the transfer-function plots."""
    task = context.config.task
    if task.figures:
        require_matplotlib()
    metrics: dict[str, float] = {}
    perturbations = {}
    for n in task.sizes:
        _, solution = ptd_basis(
            n, SOLVED_RATIO, steps=task.steps, cache=cache(context), track=context.track
        )
        perturbations[n] = solution.E
        metrics |= strong_convergence(n, solution.E, list(task.absolute_norms), list(task.ratios))
    metrics |= weak_convergence() | system_divergence() | lemma() | spikes()
    if task.figures:
        figures.transfer_figure(context.folder, perturbations)
    return TaskResult(metrics)


def normalised(name: str, n: int, E: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """(A, B, C) of a start with ||B_H|| scaled to 1 and C = e_0: then sup |G_HiPPO| = 1/n."""
    A, B = dense_system(name, n, E)
    C = torch.zeros(n, dtype=torch.float64)
    C[0] = 1
    return A, B / torch.linalg.vector_norm(legs(n)[1]), C


def distance(n: int, A: Tensor, B: Tensor) -> float:
    """sup |G - G_HiPPO| / sup |G_HiPPO| on the imaginary axis, B scaled as in `normalised`."""
    reference = normalised("hippo_dense", n)

    def difference(s: Tensor) -> Tensor:
        return transfer_function(A, B, reference[2], 0.0, s) - transfer_function(*reference, 0.0, s)

    # The response of a complex system is not symmetric in the sign of the frequency.
    grid = frequency_grid(n)
    if A.is_complex() or B.is_complex():
        grid = torch.cat([-grid.flip(0)[:-1], grid])
    return n * sup_norm(difference, grid)[0]


def strong_convergence(
    n: int, E: Tensor, norms: list[float], ratios: list[float]
) -> dict[str, float]:
    """Theorem 3: how far each start is from HiPPO, the perturbed ones as E is scaled down."""
    A, B, _ = normalised("hippo_dense", n)
    direction = E / torch.linalg.matrix_norm(E, 2)
    size = float(torch.linalg.matrix_norm(A, 2))
    metrics = {}
    distances = [distance(n, A + eps * direction, B) / n for eps in norms]
    for eps, d in zip(norms, distances, strict=True):
        metrics[f"ptd_over_bound_n{n}_eps{eps:g}"] = d / ((2 * math.log(n) + 4) * eps)
    for eps, d, half in zip(norms, distances, distances[1:], strict=False):
        metrics[f"halving_n{n}_eps{eps:g}"] = d / half
    for ratio in ratios:
        perturbations = {
            "ptd": ratio * size * direction,
            "rand": ginibre(n, ratio * size, seed=0),
        }
        for name, perturbation in perturbations.items():
            perturbed, B, _ = normalised(name, n, perturbation)
            key = f"relative_distance_n{n}_ratio{ratio:g}"
            metrics[f"{name}_{key}"] = distance(n, perturbed, B)
            metrics[f"{name}_abs_{key}"] = distance(n, _reflected(perturbed), B)
    for name in ("dplr", "diag", "diag_clip2"):
        metrics[f"{name}_relative_distance_n{n}"] = distance(n, *normalised(name, n)[:2])
    return metrics


def _reflected(A: Tensor) -> Tensor:
    """A with unstable eigenvalues reflected, as the layers use it."""
    lam, V = torch.linalg.eig(A.to(torch.complex128))
    reflected = stabilised(lam, "abs")
    if torch.equal(reflected, lam):
        return A
    return torch.linalg.solve(V.mT, (V * reflected).mT).mT


def weak_convergence() -> dict[str, float]:
    """Theorem 1 for u(t) = e^-t, C = e_0: n times the L2 distance of the outputs tends to 1/2."""
    return {f"n_times_l2_error_n{n}": n * l2_error(n) for n in CONVERGENCE_SIZES}


def l2_error(n: int) -> float:
    """||y_DPLR - y_Diag|| in L2 for u = e^-t, from the Gramian of the error system.

    u is the impulse response of 1/(s+1), y_DPLR that of 1/(s+1)^2; the three are chained in one
    realisation (F, g, h), and ||h exp(F t) g||^2 = h P h^T with F P + P F^T + g g^T = 0.
    """
    A, B = dense_system("diag", n)
    F = torch.zeros(n + 2, n + 2, dtype=torch.float64)
    F[0, 0] = -1  # u
    F[1, 0], F[1, 1] = 1, -1  # y_DPLR
    F[2:, 0], F[2:, 2:] = B, A
    g = torch.zeros(n + 2, 1, dtype=torch.float64)
    g[0] = 1
    h = torch.zeros(n + 2, dtype=torch.float64)
    h[1], h[2] = 1, -1
    P = torch.from_numpy(solve_continuous_lyapunov(F.numpy(), -(g @ g.mT).numpy()))
    return math.sqrt(float(h @ P @ h))


def system_divergence() -> dict[str, float]:
    """Theorem 2: sup |G_DPLR - G_Diag| for C = e_0 and B = B_H does not fall below 2/pi."""
    metrics = {}
    for n in DIVERGENCE_SIZES:
        diag = (*dense_system("diag", n), normalised("diag", n)[2])

        def difference(s: Tensor, diag=diag) -> Tensor:
            return 1 / (s + 1) - transfer_function(*diag, 0.0, s)

        metrics[f"sup_difference_n{n}"] = sup_norm(difference, frequency_grid(n))[0]
    return metrics


def lemma() -> dict[str, float]:
    """Lemma 1: largest relative error of G_DPLR - G_Diag = G_Diag r_n over random s and C."""
    generator = torch.Generator().manual_seed(0)
    worst = 0.0
    for n in LEMMA_SIZES:
        C = torch.randn(20, n, generator=generator, dtype=torch.float64)
        s = torch.complex(
            torch.rand(20, generator=generator, dtype=torch.float64) * n,
            torch.randn(20, generator=generator, dtype=torch.float64) * n * n / 2,
        )
        dplr = transfer_function(*dense_system("dplr", n), C, 0.0, s)
        diag = transfer_function(*dense_system("diag", n), C, 0.0, s)
        predicted = diag * (1 + lemma1_ratio(s, n))[:, None]
        worst = max(worst, float(((dplr - predicted).abs() / dplr.abs()).max()))
    return {"lemma1_relative_error": worst}


def spikes() -> dict[str, float]:
    """The last resonance of ``diag``: where it is, and its height for C = e_0."""
    metrics = {}
    for n in SPIKE_SIZES:
        metrics[f"spike_shift_over_pi_sixth_n{n}"] = (n * n / math.pi - spike_frequency(n)) / (
            math.pi / 6
        )
    for n in HEIGHT_SIZES:
        s = torch.tensor([1j * spike_frequency(n)], dtype=torch.complex128)
        diag = (*dense_system("diag", n), normalised("diag", n)[2])
        height = float(transfer_function(*diag, 0.0, s).abs())
        metrics[f"spike_height_over_two_over_pi_n{n}"] = height * math.pi / 2
    return metrics
