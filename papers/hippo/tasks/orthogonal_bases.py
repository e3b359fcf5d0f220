"""H3 to H6 and E5: which basis each system's kernels are, and which weight makes it orthonormal."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from scipy.integrate import quad_vec
from scipy.interpolate import pade
from scipy.linalg import solve_continuous_lyapunov
from scipy.special import binom, eval_laguerre, eval_legendre
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.figures import require_matplotlib
from common.kernels.dense import impulse_responses
from common.kernels.hippo import delay_readout, fout, glagt, lagt, legs, legt, nplr, system
from common.kernels.transfer import transfer_function
from papers.hippo import figures
from papers.hippo.warp import integrate

LEGS_SIZES = (4, 8, 16, 32)
PADE_SIZES = (1, 2, 3, 4, 6)  # scipy solves for the coefficients and is inexact beyond
DELAY_POINTS = ((4, 1), (8, 1), (8, 5), (16, 5))  # (n, frequency)
LAGUERRE_SIZE = 16
GRID = 0.01  # of time, where kernels are read off
HORIZON = 30.0  # e^-t has run out there


def run(context: RunContext) -> TaskResult:
    """All figures as metrics; the bases as a plot."""
    task = context.config.task
    if task.figures:
        require_matplotlib()
    metrics: dict[str, float] = {}
    for n in LEGS_SIZES:
        metrics |= warped_legendre(n)
    for n in context.track(list(task.fourier_sizes), "truncated Fourier"):
        metrics |= truncated_fourier(n)
    for small, large in zip(task.fourier_sizes, task.fourier_sizes[1:], strict=False):
        for where in ("inside", "outside"):
            ratio = metrics[f"fout_{where}_n{small}"] / metrics[f"fout_{where}_n{large}"]
            metrics[f"fout_{where}_ratio_n{large}"] = ratio
    metrics |= pade_delay() | laguerre() | other_members() | equivalences() | time_varying()
    if task.figures:
        figures.bases_figure(context.folder)
        figures.reconstruction_figure(context.folder, context.config.seed)
    return TaskResult(metrics)


def kernel(A: Tensor, B: Tensor, t: Tensor) -> Float[Tensor, "times n"]:
    """``e^{tA} B``, one matrix exponential a time."""
    return torch.linalg.matrix_exp(t[:, None, None] * A) @ B


def warped_legendre(n: int) -> dict[str, float]:
    """H3: LegS is e^-t L_n(e^-t), L_n(x) = sqrt(2n+1) P_n(2x - 1), orthonormal under e^-t."""
    A, B = legs(n)
    t = torch.linspace(0, 8, 161, dtype=torch.float64)
    x, degree = np.exp(-t.numpy())[:, None], np.arange(n)
    wanted = x * np.sqrt(2 * degree + 1) * eval_legendre(degree, 2 * x - 1)
    # p_n = e^t K_n, so its Gram matrix under e^-t is that of the kernels of A + I/2.
    gram = gramian(A + torch.eye(n, dtype=torch.float64) / 2, B)
    parts = nplr("legs", n)
    rebuilt = (parts.V * parts.lam) @ parts.V.mH - (parts.P.mT @ parts.P)
    return {
        f"legs_kernel_error_n{n}": float(np.abs(kernel(A, B, t).numpy() - wanted).max()),
        f"legs_gram_error_n{n}": float((gram - torch.eye(n)).abs().max()),
        f"legs_low_rank_error_n{n}": float((rebuilt - A).abs().max()),
    }


def gramian(A: Tensor, B: Tensor) -> Float[Tensor, "n n"]:
    """int_0^inf K(t) K(t)^T dt for a stable A, by its Lyapunov equation."""
    source = torch.outer(B, B).numpy()
    return torch.from_numpy(solve_continuous_lyapunov(A.numpy(), -source))


def truncated_fourier(n: int) -> dict[str, float]:
    """H4: K_2 of FouT against cos(pi t)/sqrt2 inside the window [0, 2], and against 0 outside.

    The truncated series jumps at both ends, where it converges in the mean only: within 0.05 of
    0, 0.1 of 2 and 0.1 of 4, where what is left of the jump comes round, nothing is compared.
    The spike at 4 does not shrink but narrows, and is reported by itself.
    """
    A, B = fout(n)
    responses = impulse_responses(torch.linalg.matrix_exp(GRID * A), B, 591)
    t = GRID * torch.arange(591, dtype=torch.float64)
    cosine, sine = responses[2], responses[3]
    inside = (t > 0.05 - GRID / 2) & (t < 1.9 + GRID / 2)
    outside = (t > 2.1 - GRID / 2) & ((t - 4).abs() > 0.1 - GRID / 2)
    root = math.sqrt(2)
    return {
        f"fout_inside_n{n}": float((cosine - torch.cos(math.pi * t) / root)[inside].abs().max()),
        f"fout_sine_inside_n{n}": float((sine - torch.sin(math.pi * t) / root)[inside].abs().max()),
        f"fout_outside_n{n}": float(cosine[outside].abs().max()),
        f"fout_echo_n{n}": float(cosine[(t - 4).abs() < 0.1].abs().max()),
    }


def pade_delay() -> dict[str, float]:
    """H5: C_n = (-1)^n R_n reads the Pade approximant of e^{-2s} off LegT."""
    metrics = {}
    for n, w in DELAY_POINTS:
        s = torch.tensor([1j * w], dtype=torch.complex128)
        G = transfer_function(*legt(n), delay_readout(n), 0.0, s)
        metrics[f"legt_delay_error_n{n}_w{w}"] = float((G - torch.exp(-2 * s)).abs())
    frequencies = torch.linspace(0, 10, 101, dtype=torch.float64)
    s = torch.complex(torch.zeros_like(frequencies), frequencies)
    for n in PADE_SIZES:
        taylor = [(-2.0) ** k / math.factorial(k) for k in range(2 * n)]
        numerator, denominator = pade(taylor, n, n - 1)
        G = transfer_function(*legt(n), delay_readout(n), 0.0, s).numpy()
        wanted = numerator(s.numpy()) / denominator(s.numpy())
        metrics[f"legt_pade_error_n{n}"] = float(np.abs(G - wanted).max())
    return metrics


def laguerre() -> dict[str, float]:
    """H6: LagT is e^{-t/2} L_n(t), orthonormal under the uniform weight, and not under e^-t.

    Under e^-t the p_n = e^t K_n of LagT have no finite norm; the Gram matrices are taken up to
    t = 30, where those of LegS have converged.
    """
    n = LAGUERRE_SIZE
    A, B = lagt(n)
    t = torch.linspace(0, 20, 201, dtype=torch.float64)
    wanted = np.exp(-t.numpy() / 2)[:, None] * eval_laguerre(np.arange(n), t.numpy()[:, None])
    identity = torch.eye(n, dtype=torch.float64)
    metrics = {
        "lagt_kernel_error": float(np.abs(kernel(A, B, t).numpy() - wanted).max()),
        "lagt_gram_error": float((gramian(A, B) - identity).abs().max()),
    }
    for name, measure in {"lagt": lagt, "legs": legs}.items():
        A, B = measure(n)
        gram = finite_gramian(A + identity / 2, B, HORIZON)
        metrics[f"{name}_weighted_gram_error"] = float((gram - identity).abs().max())
    return metrics


def finite_gramian(A: Tensor, B: Tensor, horizon: float) -> Float[Tensor, "n n"]:
    """int_0^horizon K K^T dt, by adaptive quadrature; A may be singular."""

    def integrand(t):
        K = torch.linalg.matrix_exp(t * A) @ B
        return torch.outer(K, K).numpy()

    return torch.from_numpy(quad_vec(integrand, 0, horizon, epsabs=1e-10, epsrel=1e-10)[0])


def other_members() -> dict[str, float]:
    """FouD rings with decay 1/2; half of FouT's correction divides each period by three; glagt."""
    t = torch.linspace(0, 6, 121, dtype=torch.float64)
    K = kernel(*system("fourier_diag", 8), t)
    wave = math.sqrt(2) * torch.exp(-t / 2) * torch.cos(2 * math.pi * t)
    periods = torch.tensor([0.5, 2.5, 4.5], dtype=torch.float64)
    decayed = kernel(*system("fourier_decay", 128), periods)[:, 3]
    alpha, beta, n = 0.3, 0.5, 8
    degree = np.arange(n)
    c = np.sqrt([math.gamma(k + alpha + 1) / math.factorial(k) for k in degree])
    polynomials = sum(  # L_n^(alpha)(t) = sum_k (-1)^k binom(n + alpha, n - k) t^k/k!
        (-1) ** k * binom(degree + alpha, degree - k) * (degree >= k) * t.numpy()[:, None] ** k
        / math.factorial(k)
        for k in range(n)
    )  # fmt: skip
    scale = beta ** ((1 - alpha) / 2) / math.sqrt(math.gamma(1 - alpha))
    laguerre = scale * np.exp(-(1 + beta) / 2 * t.numpy())[:, None] * polynomials / c
    measured = kernel(*glagt(n, alpha, beta), t).numpy()
    return {
        "foud_kernel_error": float((K[:, 2] - wave).abs().max()),
        "fourier_decay_period_ratio": float(decayed[0] / decayed[1]),
        "fourier_decay_period_ratio_next": float(decayed[1] / decayed[2]),
        "glagt_kernel_error": float(np.abs(measured - laguerre).max()),
    }


def equivalences() -> dict[str, float]:
    """Change of basis, of clock and of exponential tilt: largest relative errors over measures."""
    generator = torch.Generator().manual_seed(0)
    n, c, tilt = 8, 3.0, -0.7
    t = torch.linspace(0, 2, 21, dtype=torch.float64)
    S = torch.eye(n, dtype=torch.float64) + 0.3 * torch.randn(
        n, n, generator=generator, dtype=torch.float64
    )
    identity = torch.eye(n, dtype=torch.float64)
    worst = dict.fromkeys(("basis_change", "time_scaling", "tilting"), 0.0)
    for measure in ("legs", "legt", "lagt", "fout"):
        A, B = system(measure, n)
        K = kernel(A, B, t)
        pairs = {
            "basis_change": (
                kernel(torch.linalg.solve(S, A @ S), torch.linalg.solve(S, B), t) @ S.mT,
                K,
            ),
            "time_scaling": (kernel(c * A, c * B, t), c * kernel(A, B, c * t)),
            "tilting": (kernel(A + tilt * identity, B, t), torch.exp(tilt * t)[:, None] * K),
        }
        for name, (got, wanted) in pairs.items():
            error = float((got - wanted).abs().max() / wanted.abs().max())
            worst[name] = max(worst[name], error)
    return {f"{name}_error": error for name, error in worst.items()}


def smooth(t: float) -> float:
    """An input with several time scales."""
    return math.sin(2.1 * t) + 0.5 * math.cos(5.3 * t + 1) + 0.2 * t


def time_varying() -> dict[str, float]:
    """LegS on the clock log t projects on [0, t] uniformly; LegT on t^2/2 has its kernels warped.

    Both are integrated as differential equations and compared with an integral over the past.
    """
    n, start, stop = 8, 0.5, 4.0
    degree = np.arange(n)

    def projection(t):
        def integrand(x):
            return np.sqrt(2 * degree + 1) * eval_legendre(degree, 2 * x - 1) * smooth(x * t)

        return quad_vec(integrand, 0, 1, epsabs=1e-12)[0]

    A, B = legs(n)
    x = integrate(A, B, lambda t: 1 / t, smooth, start, stop, projection(start))
    metrics = {"legs_time_varying_error": float(np.abs(x - projection(stop)).max())}

    A, B = legt(n)
    x = integrate(A, B, lambda t: t, smooth, 0.0, stop, np.zeros(n))

    def past(s):
        elapsed = torch.tensor([(stop**2 - s**2) / 2], dtype=torch.float64)
        return kernel(A, B, elapsed)[0].numpy() * s * smooth(s)

    wanted = quad_vec(past, 0, stop, epsabs=1e-11)[0]
    return metrics | {"time_warp_error": float(np.abs(x - wanted).max())}
