"""Alternating minimisation whose half rounds may be solved approximately; the rounds are those of
Jain, Netrapalli and Sanghavi (2013)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from numbers import Integral
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.ground_truth import orthonormal
from common.sketching.leverage import incoherence
from papers.altmin_completion.observed import Observed
from papers.altmin_completion.solvers import ConjugateGradient, Solver

# Lanczos' method finds a few vectors of a matrix with sides of so many sooner than all are found.
LANCZOS_SIDE = 200
# On an accelerator it is asked for larger matrices than of so many places only.
DENSE_PLACES = 4_000_000


@dataclass(frozen=True)
class HalfStep:
    """One side after a half round.

    Attributes:
        side: "right" (V) or "left" (U).
        basis: orthonormal columns of it.
    """

    side: Literal["left", "right"]
    basis: Float[Tensor, "rows k"]


@dataclass
class Completion:
    """What was found: M is about ``left right^T``.

    Attributes:
        left: U, the last solution.
        right: V, orthonormal columns.
        half_steps: bases in their order, the first that of the start.
        misfits: ||P_Omega(U V^T - M)|| / ||P_Omega(M)|| after every round.
        errors: ||U V^T - M|| / ||M|| after every round, where M was given; of rows and columns
            that have an entry.
        short: rows and columns with fewer entries than the rank: their solutions are not unique.
        empty: rows and columns without an entry, of which nothing can be said.
        reason: why it ended, "tolerance" or "rounds".
    """

    left: Float[Tensor, "m k"]
    right: Float[Tensor, "n k"]
    half_steps: list[HalfStep] = field(default_factory=list)
    misfits: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    short: int = 0
    empty: int = 0
    reason: Literal["tolerance", "rounds"] = "rounds"

    def matrix(self) -> Float[Tensor, "m n"]:
        """U V^T."""
        return self.left @ self.right.mT


def spectral_start(observed: Observed, rank: int, mu: float | None = None) -> Float[Tensor, "m k"]:
    """Leading left singular vectors of P_Omega(M) / p, entries above 2 mu sqrt(k / m) set to zero,
    orthonormal again (step 2). Dividing by p scales singular values only.

    Of large matrices it is found by Lanczos' method, which SciPy has on the processor: from an
    accelerator the entries go there, and the basis comes back, above four million places.

    Args:
        mu: incoherence of M; infinity clips nothing; None estimates it from these vectors.

    Raises:
        InvalidInputError: a rank that the shape does not allow, or a ``mu`` not above 0.
    """
    _check_rank(rank, observed.shape)
    if mu is not None and not mu > 0:
        raise InvalidInputError(f"mu={mu}; allowed: above 0, infinity, or None.")
    if _are_few(rank, observed):
        basis = _by_lanczos(observed, rank)
    else:
        basis = torch.linalg.svd(observed.filled, full_matrices=False).U[:, :rank]
    mu = incoherence(basis) if mu is None else mu
    clipped = torch.where(basis.abs() > 2 * mu * math.sqrt(rank / len(basis)), 0.0, basis)
    return torch.linalg.qr(clipped).Q


def random_start(observed: Observed, rank: int, seed: int) -> Float[Tensor, "m k"]:
    """A Haar basis, of a stream of its own: a matrix drawn from the same seed has another."""
    _check_rank(rank, observed.shape)
    rng = np.random.default_rng([seed, 2])
    return orthonormal(observed.shape[0], rank, rng).to(observed.values)


def needed_rounds(observed: Observed, eps: float) -> int:
    """T = ceil(log2(||M|| / eps)) (step 1), at least 1; ||M|| from the known entries' squares.

    Args:
        eps: error of the whole matrix, Frobenius.

    Raises:
        InvalidInputError: ``eps`` is not above 0, or not finite.
    """
    if not 0 < eps < math.inf:
        raise InvalidInputError(f"eps={eps}; allowed: finite, above 0.")
    norm = float(observed.values.norm()) / math.sqrt(observed.share)
    return max(1, math.ceil(math.log2(norm / eps))) if norm else 1


def parts(observed: Observed, most: int, seed: int) -> list[Observed]:
    """Omega_0 .. Omega_2T at random (step 1): the first for the start, one for every half round.

    Raises:
        InvalidInputError: the entries are too few.
    """
    return observed.split(2 * most + 1, np.random.default_rng([seed, 1]))


@dataclass(frozen=True)
class Round:
    """M is about ``left right^T``.

    Attributes:
        left: U, the last solution.
        right: V's basis, against which it was solved.
        left_basis: U's, orthonormal.
    """

    left: Float[Tensor, "m k"]
    right: Float[Tensor, "n k"]
    left_basis: Float[Tensor, "m k"]


def rounds(
    observed: Observed,
    start: Float[Tensor, "m k"],
    most: int,
    solver: Solver,
    *,
    split: bool = False,
    perturb: float = 0.0,
    seed: int = 0,
) -> Iterator[Round]:
    """V, then U, each against the other's orthonormal basis; see ``alternate``."""
    wanted = observed.shape[0], observed.values.dtype
    if start.ndim != 2 or (len(start), start.dtype) != wanted:
        raise InvalidInputError(
            f"a start of {tuple(start.shape)}, {start.dtype}; allowed: {wanted[0]} rows of the "
            f"entries' {wanted[1]}."
        )
    rng = np.random.default_rng([seed, 3])
    own = parts(observed, most, seed) if split else [observed] * (2 * most + 1)
    left, k = start, start.shape[1]
    # What the last half round says of the other side, in the basis that it will be solved in.
    warm = start.new_zeros(observed.shape[1], k)
    for t in range(most):
        right = _perturbed(solver.solve(own[t + 1].transposed, left, warm), perturb, rng)
        basis, r = torch.linalg.qr(right)
        solved = solver.solve(own[most + t + 1], basis, left @ r.mT)
        solved = _perturbed(solved, perturb, rng)
        left, r = torch.linalg.qr(solved)
        warm = basis @ r.mT
        yield Round(solved, basis, left)


def alternate(
    observed: Observed,
    start: Float[Tensor, "m k"],
    most: int | None = None,
    solver: Solver | None = None,
    *,
    eps: float | None = None,
    split: bool = False,
    perturb: float = 0.0,
    tolerance: float = 0.0,
    seed: int = 0,
    truth: Float[Tensor, "m n"] | None = None,
) -> Completion:
    """Rounds of V, then U, each against the other's orthonormal basis.

    Args:
        start: U_0, orthonormal.
        most: rounds; None takes those of ``needed_rounds`` for ``eps``.
        solver: of a half round; None takes two warm steps of conjugate gradients.
        eps: error of the whole matrix, Frobenius, for the rounds alone.
        split: every half round sees entries of its own, as in the proof: the later of ``parts``.
            The first of them is for the start.
        perturb: an error of that size, relative to the spectral norm, in a random direction after
            every half round.
        tolerance: misfit at which it ends.
        seed: of the split and of the errors.
        truth: M, for ``errors`` alone.

    Raises:
        InvalidInputError: no round, or neither rounds nor ``eps``; a start of other rows or
            another dtype than the entries; entries are too few to be split.
    """
    if most is None:
        if eps is None:
            raise InvalidInputError("most=None, eps=None; give the rounds, or the error for them.")
        most = needed_rounds(observed, eps)
    if not isinstance(most, Integral) or most < 1 or not perturb >= 0 or not tolerance >= 0:
        raise InvalidInputError(
            f"most={most}, perturb={perturb}, tolerance={tolerance}; allowed: whole, 1 or more; "
            f"and 0 or more."
        )
    solver = ConjugateGradient() if solver is None else solver
    norm = float(observed.values.norm()) or 1.0
    k = start.shape[-1]
    found = Completion(start, start.new_zeros(observed.shape[1], k), [HalfStep("left", start)])
    found.short, found.empty = observed.fewer_than(k), observed.fewer_than(1)
    for now in rounds(observed, start, most, solver, split=split, perturb=perturb, seed=seed):
        found.left, found.right = now.left, now.right
        found.half_steps += [HalfStep("right", now.right), HalfStep("left", now.left_basis)]
        found.misfits.append(float(observed.misfit(now.left, now.right).norm()) / norm)
        if truth is not None:
            found.errors.append(observed.error(found.matrix(), truth))
        if found.misfits[-1] <= tolerance:
            found.reason = "tolerance"
            break
    return found


def distance(a: Float[Tensor, "n k"], b: Float[Tensor, "n k"]) -> float:
    """F4: ||(1 - Q_A Q_A^T) Q_B||_2, the sine of the largest angle; of orthonormal columns."""
    return float(torch.linalg.matrix_norm(b - a @ (a.mT @ b), 2))


def largest_incoherence(found: Completion, first: int = 2) -> float:
    """Of U, from a round on.

    Raises:
        InvalidInputError: there are fewer rounds.
    """
    bases = [half.basis for half in found.half_steps if half.side == "left"][first:]
    if not bases:
        raise InvalidInputError(f"{len(found.misfits)} rounds; allowed: {first} or more.")
    return max(map(incoherence, bases))


def _perturbed(x: Float[Tensor, "n k"], size: float, rng: np.random.Generator) -> Tensor:
    if not size:
        return x
    noise = torch.from_numpy(rng.standard_normal(tuple(x.shape))).to(x)
    unit = torch.linalg.matrix_norm(x, 2) / torch.linalg.matrix_norm(noise, 2)
    return x + size * unit * noise


def _are_few(rank: int, observed: Observed) -> bool:
    m, n = observed.shape
    if observed.values.device.type != "cpu" and m * n <= DENSE_PLACES:
        return False
    return min(m, n) >= max(LANCZOS_SIDE, 10 * rank)


def _by_lanczos(observed: Observed, rank: int) -> Float[Tensor, "m k"]:
    from scipy.sparse import csr_matrix
    from scipy.sparse.linalg import svds

    entries = observed.values.cpu().numpy(), (observed.rows.cpu(), observed.columns.cpu())
    first = np.random.default_rng(0).standard_normal(min(observed.shape))
    u, s, _ = svds(csr_matrix(entries, shape=observed.shape), k=rank, v0=first)
    return torch.from_numpy(u[:, np.argsort(-s)].copy()).to(observed.values)


def _check_rank(rank: int, shape: tuple[int, int]) -> None:
    if not isinstance(rank, Integral) or not 1 <= rank <= min(shape):
        raise InvalidInputError(
            f"rank={rank}; a {shape[0]} x {shape[1]} matrix allows 1 to {min(shape)}, whole."
        )
