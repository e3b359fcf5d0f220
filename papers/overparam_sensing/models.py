"""Gradient descent on X X^T and on F G^T, one step at a time; batches of runs share a step.

With E the product less the truth and M = A*(A(E)), steps take M: of A*A the identity
(factorisation) as of measurements. A run knows M from y alone, since A(truth) = y.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.sensing import Sensing


class Factors(ABC):
    """Factors of the sought matrix; steps change them in place."""

    @abstractmethod
    def pair(self) -> tuple[Float[Tensor, "b n1 k"], Float[Tensor, "b n2 k"]]:
        """F and G; X twice."""

    def product(self) -> Float[Tensor, "b n1 n2"]:
        """What they stand for, F G^T."""
        left, right = self.pair()
        return left @ right.mT

    def error(
        self, truth: Float[Tensor, "n1 n2"], out: Float[Tensor, "b n1 n2"] | None = None
    ) -> Float[Tensor, "b n1 n2"]:
        """F G^T - truth, written to ``out``: a fresh large matrix every step costs page faults."""
        left, right = self.pair()
        truth = truth.expand(len(left), *truth.shape)
        return torch.baddbmm(truth, left, right.mT, beta=-1, out=out)

    @abstractmethod
    def step(self, m: Float[Tensor, "b n1 n2"], eta: float) -> None:
        """One step, M being A*A of the error."""

    @abstractmethod
    def tensors(self) -> tuple[Tensor, ...]:
        """The factors themselves, (b, n, k) each."""


class Symmetric(Factors):
    """Method S: the gradient of 1/4 ||A(X X^T) - y||^2, X+ = X - eta sym(M) X.

    Without sym the step would be no gradient's where the A_i are not symmetric.
    """

    def __init__(self, x: Float[Tensor, "b n k"]):
        self.x = x

    def pair(self) -> tuple[Float[Tensor, "b n k"], Float[Tensor, "b n k"]]:
        return self.x, self.x

    def step(self, m: Float[Tensor, "b n n"], eta: float) -> None:
        self.x -= (0.5 * eta) * ((m + m.mT) @ self.x)

    def tensors(self) -> tuple[Tensor, ...]:
        return (self.x,)


class Preconditioned(Symmetric):
    """The other cure known: X+ = X - eta sym(M) X (X^T X + lam I)^-1.

    lam is the root of the squared error, for which stands the Frobenius norm of M: that is it where
    A*A is the identity.
    """

    def step(self, m: Float[Tensor, "b n n"], eta: float) -> None:
        lam = torch.linalg.matrix_norm(m)[:, None, None]
        eye = torch.eye(self.x.shape[-1], dtype=m.dtype, device=m.device)
        direction = 0.5 * (m + m.mT) @ self.x
        self.x -= eta * torch.linalg.solve(self.x.mT @ self.x + lam * eye, direction, left=False)


class Asymmetric(Factors):
    """Method A: the gradient of 1/2 ||A(F G^T) - y||^2, both factors at once:
    F+ = F - eta M G, G+ = G - eta M^T F."""

    def __init__(self, f: Float[Tensor, "b n1 k"], g: Float[Tensor, "b n2 k"]):
        self.f, self.g = f, g

    def pair(self) -> tuple[Float[Tensor, "b n1 k"], Float[Tensor, "b n2 k"]]:
        return self.f, self.g

    def step(self, m: Float[Tensor, "b n1 n2"], eta: float) -> None:
        change = m.mT @ self.f
        self.f -= eta * (m @ self.g)
        self.g -= eta * change

    def tensors(self) -> tuple[Tensor, ...]:
        return self.f, self.g

    def copy(self) -> Asymmetric:
        """The same runs, to be taken on apart."""
        return Asymmetric(self.f.clone(), self.g.clone())

    @staticmethod
    def together(batches: Sequence[Asymmetric]) -> Asymmetric:
        """One batch of the runs of several, in their order."""
        return Asymmetric(torch.cat([b.f for b in batches]), torch.cat([b.g for b in batches]))

    def imbalance(self) -> Float[Tensor, "b k k"]:
        """F^T F - G^T G, which a step changes in second order of eta only (I1)."""
        return self.f.mT @ self.f - self.g.mT @ self.g


class Alternating(Asymmetric):
    """Ablation: G+ from the new F and its error. Not the method: I1 and I4 are lost.

    Args:
        remeasured: A*A of the error of a product.
    """

    def __init__(self, f: Tensor, g: Tensor, remeasured: Callable[[Tensor], Tensor]):
        super().__init__(f, g)
        self.remeasured = remeasured

    def step(self, m: Float[Tensor, "b n1 n2"], eta: float) -> None:
        self.f -= eta * (m @ self.g)
        self.g -= eta * (self.remeasured(self.product()).mT @ self.f)


def rebalance(factors: Asymmetric, beta: float) -> Float[Tensor, " b"]:
    """Method B's one step: F = P D Q^T becomes beta P, and G absorbs what F loses; F G^T stays.

    Then F^T F = beta^2 I: the imbalance jumps from the order of alpha^2 to that of 1.

    Returns:
        the smallest part of D that had to be raised to 1e-12 of the largest, as a ratio to it; 1
        where none had to. Below 1 the product has moved.

    Raises:
        InvalidInputError: beta is not above 0, or not finite; so is F of a run, or it is zero.
    """
    if not 0 < beta < float("inf"):
        raise InvalidInputError(
            f"beta={beta}; allowed: above 0, finite; best is the root of the smallest singular "
            f"value."
        )
    if not bool(factors.f.isfinite().all() & factors.f.any(-1).any(-1).all()):
        raise InvalidInputError("F is zero, or not finite; allowed: a factor that can be rescaled.")
    p, d, qh = torch.linalg.svd(factors.f, full_matrices=False)
    floor = 1e-12 * d[..., :1]
    raised = d.clamp(min=floor)
    factors.g = factors.g @ qh.mT * (raised / beta)[..., None, :]
    factors.f = beta * p
    return (d / raised).amin(-1)


def descend(
    factors: Factors,
    truth: Float[Tensor, "n1 n2"],
    sensing: Sensing,
    eta: float,
    steps: int,
    *,
    halt: float = 0.0,
) -> Float[np.ndarray, "recorded b"]:
    """Squared errors ||product - truth||_F^2 of steps 0, 1, ..., ``steps``.

    Args:
        halt: end once all runs of the batch are below it.

    Raises:
        InvalidInputError: eta is not above 0, or the errors are no longer finite: eta is too large.
    """
    if not eta > 0 or steps < 0:
        raise InvalidInputError(f"eta={eta}, steps={steps}; allowed: above 0, and 0 or more.")
    errors = []
    error = None
    for step in range(steps + 1):
        error = factors.error(truth, error)
        errors.append(torch.linalg.matrix_norm(error).square())
        if step % 256 == 255 and not _goes_on(errors[-1], halt, eta):
            break
        if step < steps:
            factors.step(sensing.normal(error), eta)
    found = torch.stack(errors).cpu().numpy()
    _goes_on(errors[-1], halt, eta)
    return found


def _goes_on(error: Tensor, halt: float, eta: float) -> bool:
    worst = float(error.max())
    if not np.isfinite(worst):
        raise InvalidInputError(
            f"the error is {worst} after steps of eta={eta}; they are stable below about 1 / s_1."
        )
    return worst >= halt


@dataclass(frozen=True)
class Start:
    """Small random factors: F of scale alpha, G of alpha times ``ratio``; F is drawn first.

    The paper's ratio of 1/3 makes the imbalance definite, F the larger.
    """

    rows: int
    columns: int
    width: int
    ratio: float = 1 / 3

    def __post_init__(self) -> None:
        if min(self.rows, self.columns, self.width) < 1:
            raise InvalidInputError(f"{self}; allowed: sizes of 1 or more.")

    def draw(
        self, seeds: list[int], alphas: list[float]
    ) -> tuple[Float[Tensor, "b n1 k"], Float[Tensor, "b n2 k"]]:
        """F and G, float64: every seed at every alpha, alphas fastest; one draw a seed."""
        pairs = []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            f = rng.standard_normal((self.rows, self.width)) / np.sqrt(self.rows)
            g = rng.standard_normal((self.columns, self.width)) / np.sqrt(self.columns)
            pairs += [(alpha * f, alpha * self.ratio * g) for alpha in alphas]
        f, g = (torch.from_numpy(np.stack(part)) for part in zip(*pairs, strict=True))
        return f, g
