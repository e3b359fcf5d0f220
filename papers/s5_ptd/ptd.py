"""Perturb-then-diagonalise: find a small E such that A + E has well-conditioned eigenvectors.

    minimise over E   Phi(E) = kappa(V) + gamma ||E||,      A + E = V Lambda V^-1,
    kappa(V) = ||V||_2 ||V^-1||_2 with columns of unit norm

``ptd`` follows this formula; ``ptd_for_ratio`` solves the constrained form, least kappa with
||E||_2 <= ratio ||A||_2, by projected steps whose gamma follows the constraint. Both work in
complex128: the spectrum of A + E is too sensitive for less. Results are kept on disk by a hash of
everything they depend on.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.data.prepared import read_npz, write_npz
from common.errors import CorruptDataError, InvalidInputError, UserError

VERSION = 3  # of the solver and its files: part of the cache key
OBJECTIVES = ("kappa", "kappa_sq")
STABILISERS = ("none", "abs", "clip")
START = 0.05  # ||E||_2 / ||A||_2 of the Gaussian start of ``ptd``
CLIP = -1e-4
FIRST_PRICE = 5.0  # times 1/ratio; at the optimum kappa ~ 1/ratio, so gamma ~ 1/ratio^2
PRICE_RATE = 0.02  # relative change of gamma a step, for a norm twice the allowed


@dataclass(frozen=True)
class PTDResult:
    """A perturbation and the eigen-decomposition of the perturbed matrix.

    Attributes:
        E: the perturbation, float64 or complex128.
        lam: eigenvalues of A + E, their real parts stabilised if that was asked for.
        V: eigenvectors as columns of unit 2-norm.
        kappa: cond_2(V).
        ratio: ||E||_2 / ||A||_2.
        history: kappa and ratio after each recorded step, for the figures.
        moved: largest change that stabilising made to an eigenvalue.
    """

    E: Complex[Tensor, "n n"] | Float[Tensor, "n n"]
    lam: Complex[Tensor, " n"]
    V: Complex[Tensor, "n n"]
    kappa: float
    ratio: float
    history: dict[str, list[float]] = field(default_factory=dict)
    moved: float = 0.0

    def Vinv_apply(self, X: Tensor) -> Complex[Tensor, "n ..."]:
        """V^-1 X by a linear solve; an explicit inverse would lose the digits that PTD gains."""
        columns = X.to(self.V.dtype)
        if columns.ndim == 1:
            return torch.linalg.solve(self.V, columns[:, None])[:, 0]
        return torch.linalg.solve(self.V, columns)


def ptd(
    A: Float[Tensor, "n n"] | Complex[Tensor, "n n"],
    gamma: float,
    *,
    steps: int = 2000,
    lr: float = 0.1,
    seed: int = 0,
    real: bool = True,
    objective: str = "kappa",
    stabilise: str = "none",
    cache: Path | None = None,
    track: Callable[[Iterable[int], str], Iterable[int]] | None = None,
) -> PTDResult:
    """Minimise ``kappa(V) + gamma ||E||_F / ||A||_F`` by Adam with a cosine-decayed rate.

    Args:
        A: any square matrix with a nonzero entry, on any device; the solution is found, and
            lies, on the CPU, where small dense eigenproblems are fastest.
        gamma: price of the perturbation, > 0; the norms are relative so that one value serves
            all sizes.
        steps: Adam steps.
        lr: learning rate in units of the start's root-mean-square entry.
        seed: of the Gaussian start; a start is needed, the gradient is undefined at E = 0 when A
            has repeated or ill-conditioned eigenvalues.
        real: a real E, so that a real A keeps conjugate pairs.
        objective: ``kappa``, or ``kappa_sq`` as in the released solver.
        stabilise: ``none``; ``abs`` puts -|Re(lam)| for Re(lam), ``clip`` min(Re(lam), -1e-4).
        cache: folder of results; None computes anew.
        track: wraps the step counter, for a progress bar.

    Raises:
        InvalidInputError: A is not square or not finite, or an option is out of range.
    """
    A = _checked(A)
    if not gamma > 0 or not math.isfinite(gamma):
        raise InvalidInputError(f"gamma={gamma!r}; allowed: a positive number.")
    return _solve(
        A, _Problem(gamma, None, steps, lr, seed, real, objective), stabilise, cache, track
    )


def ptd_for_ratio(
    A: Float[Tensor, "n n"] | Complex[Tensor, "n n"],
    target_ratio: float,
    *,
    steps: int = 2000,
    lr: float = 0.1,
    seed: int = 0,
    starts: int = 3,
    real: bool = True,
    stabilise: str = "none",
    cache: Path | None = None,
    track: Callable[[Iterable[int], str], Iterable[int]] | None = None,
) -> PTDResult:
    """Least kappa(V) over ``||E||_2 <= target_ratio ||A||_2``, by projected Adam steps.

    The penalised problem of :func:`ptd` with a price gamma that rises while ||E||_2 is too large
    and falls while there is room, followed by the Euclidean projection onto the spectral-norm ball
    (the singular values of E are cut), so every iterate is feasible. Projection alone finds the
    same kappa with an E that fills the ball in all directions and moves the transfer function
    several times further; the price drives E towards low rank. There are local minima: the best
    iterate of ``starts`` descents is returned.

    Other arguments as for :func:`ptd`.

    Raises:
        InvalidInputError: target_ratio is not in (0, 1], or as for :func:`ptd`.
    """
    A = _checked(A)
    check_ratio(target_ratio)
    problem = _Problem(
        FIRST_PRICE / target_ratio, target_ratio, steps, lr, seed, real, starts=starts
    )
    return _solve(A, problem, stabilise, cache, track)


def check_ratio(ratio: float) -> None:
    """Raises InvalidInputError if a perturbation cannot have this size relative to its matrix."""
    if not 0 < ratio <= 1:
        raise InvalidInputError(
            f"ratio={ratio!r} of the perturbation; allowed: above 0 (an exact diagonalisation is "
            "what PTD avoids) and at most 1 (E as large as A)."
        )


@dataclass(frozen=True)
class _Problem:
    gamma: float
    ratio: float | None
    steps: int
    lr: float
    seed: int
    real: bool
    objective: str = "kappa"
    starts: int = 1

    def __post_init__(self) -> None:
        if self.steps < 1 or self.starts < 1 or not self.lr > 0:
            raise InvalidInputError(
                f"steps={self.steps}, starts={self.starts}, lr={self.lr}; all must be positive."
            )
        if self.objective not in OBJECTIVES:
            raise InvalidInputError(
                f"objective={self.objective!r}; allowed: {', '.join(OBJECTIVES)}."
            )


def _checked(A: Tensor) -> Tensor:
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise InvalidInputError(f"PTD needs a square matrix, got shape {tuple(A.shape)}.")
    if not bool(torch.isfinite(A.abs()).all()):
        raise InvalidInputError(
            "PTD needs a finite matrix; this one holds NaN or infinite entries."
        )
    if not bool((A != 0).any()):
        raise InvalidInputError("PTD needs a nonzero matrix; this one is zero.")
    return A.detach().to("cpu", torch.complex128 if A.is_complex() else torch.float64)


def _solve(A, problem, stabilise, cache, track) -> PTDResult:
    if stabilise not in STABILISERS:
        raise InvalidInputError(f"stabilise={stabilise!r}; allowed: {', '.join(STABILISERS)}.")
    path = None if cache is None else Path(cache) / f"{_key(A, problem)}.npz"
    kept = None if path is None else _load(path)
    E, history = _descend(A, problem, track) if kept is None else kept
    if path is not None and kept is None:
        _store(path, E, history)
    return decompose(A, E, stabilise=stabilise, history=history)


def decompose(A: Tensor, E: Tensor, *, stabilise: str = "none", history=None) -> PTDResult:
    """The eigen-decomposition of A + E as a :class:`PTDResult`, for any E."""
    exact, V = torch.linalg.eig((A + E).to(torch.complex128))
    V = V / torch.linalg.vector_norm(V, dim=0)
    lam = stabilised(exact, stabilise)
    return PTDResult(
        E=E,
        lam=lam,
        V=V,
        kappa=float(torch.linalg.cond(V)),
        ratio=_norm(E) / _norm(A),
        history=history or {},
        moved=float((lam - exact).abs().max()),
    )


def stabilised(lam: Complex[Tensor, " n"], how: str) -> Complex[Tensor, " n"]:
    """Eigenvalues with non-positive real part: unchanged, by ``-|Re|``, or clipped at -1e-4."""
    if how == "abs":
        return torch.complex(-lam.real.abs(), lam.imag)
    if how == "clip":
        return torch.complex(lam.real.clamp(max=CLIP), lam.imag)
    return lam


def _norm(X: Tensor) -> float:
    return float(torch.linalg.matrix_norm(X, 2))


def _descend(A, problem, track):
    n = A.shape[0]
    norm, size = _norm(A), float(torch.linalg.matrix_norm(A))
    dtype = torch.float64 if problem.real else torch.complex128
    generator = torch.Generator().manual_seed(problem.seed)
    best, best_value = torch.zeros(n, n, dtype=dtype), math.inf
    history: dict[str, list[float]] = {"kappa": [], "ratio": []}
    counter: Iterable[int] = range(problem.starts * problem.steps)
    if track is not None:
        counter = track(counter, f"perturb-then-diagonalise, n={n}")
    for count in counter:
        if count % problem.steps == 0:
            E, optimiser, schedule = _start(n, norm, problem, generator, dtype)
            gamma = problem.gamma
        kappa = _kappa(A, E)
        loss = (kappa.square() if problem.objective == "kappa_sq" else kappa) + gamma * (
            torch.linalg.matrix_norm(E) / size
        )
        value = loss.item() if problem.ratio is None else kappa.item()
        if value < best_value:
            best, best_value = E.detach().clone(), value
        if count % max(1, problem.steps // 200) == 0:
            history["kappa"].append(kappa.item())
            history["ratio"].append(_norm(E.detach()) / norm)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if problem.ratio is not None:
            bound = problem.ratio * norm
            with torch.no_grad():
                gamma *= math.exp(PRICE_RATE * (_norm(E) / bound - 1))
                E.copy_(_project(E, bound))
    return best, history


def _start(n, norm, problem, generator, dtype):
    E = torch.randn(n, n, generator=generator, dtype=dtype)
    E = E * (norm * (START if problem.ratio is None else problem.ratio) / _norm(E))
    # Adam moves every entry by about the rate, so the rate follows the size of E's entries.
    rate = problem.lr * E.abs().square().mean().sqrt().item()
    E.requires_grad_(True)
    optimiser = torch.optim.Adam([E], lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, problem.steps, eta_min=rate / 50
    )
    return E, optimiser, schedule


def _kappa(A: Tensor, E: Tensor) -> Tensor:
    _, V = torch.linalg.eig((A + E).to(torch.complex128))
    V = V / torch.linalg.vector_norm(V, dim=0)
    singular = torch.linalg.svdvals(V)
    return singular[0] / singular[-1]


def _project(E: Tensor, bound: float) -> Tensor:
    U, S, Vh = torch.linalg.svd(E)
    if float(S[0]) <= bound:
        return E
    # A hair inside the ball: the norm measured later may differ in the last digit.
    return (U * S.clamp(max=bound * (1 - 1e-12)).to(U.dtype)) @ Vh


def _key(A: Tensor, problem: _Problem) -> str:
    digest = hashlib.sha256(repr((VERSION, problem, str(A.dtype))).encode())
    digest.update(A.contiguous().numpy().tobytes())
    return digest.hexdigest()[:24]


def _store(path: Path, E: Tensor, history: dict[str, list[float]]) -> None:
    """Keep a solution; where it cannot be kept, the next run solves again."""
    try:
        write_npz(path, {"E": E.numpy()} | {k: np.array(v) for k, v in history.items()}, {})
    except UserError as error:
        warnings.warn(f"The solved perturbation is not kept. {error}", stacklevel=2)


def _load(path: Path) -> tuple[Tensor, dict[str, list[float]]] | None:
    """A kept solution; None if there is none, or one that is damaged."""
    if not path.exists():
        return None
    try:
        arrays = dict(read_npz(path).arrays)
        return torch.from_numpy(arrays.pop("E")), {k: v.tolist() for k, v in arrays.items()}
    except (CorruptDataError, KeyError):
        warnings.warn(f"{path} is damaged: solving anew.", stacklevel=2)
        return None
