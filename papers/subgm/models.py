"""The sub-gradient method on f(U) = (1/m) sum_i |<A_i, U U^T> - y_i|; batches share an A.

A start of fewer columns than another's in the batch is filled with zeros, which stay zeros.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.recovery.sensing import Packed, Sensing
from papers.subgm.losses import Absolute, Loss
from papers.subgm.steps import Rule


def spectral_start(
    y: Float[Tensor, " m"], sensing: Sensing, width: int, alpha: float
) -> Float[Tensor, "d width"]:
    """U_0 = alpha P max(w, 0)^(1/2) of the ``width`` largest eigenvalues w of (1/m) sum sign(y_i)
    sym(A_i) = P diag(w) P^T (step 1 of the algorithm).

    Where the measured matrix has no part about half of the w are below 0: columns of zeros.

    Raises:
        InvalidInputError: no eigenvalue is above 0, or the width is not a whole number of 1 to d;
            alpha or y is not finite.
    """
    size = sensing.shape[0]
    if not isinstance(width, Integral) or not 1 <= width <= size or not 0 < alpha < math.inf:
        raise InvalidInputError(
            f"width={width}, alpha={alpha}; allowed: 1 to {size}, whole; above 0, finite."
        )
    if not bool(y.isfinite().all()):
        raise InvalidInputError("y holds NaN or infinity; allowed: finite numbers.")
    mean = sensing.adjoint(y.sign()[None])[0] / len(y)
    w, p = torch.linalg.eigh(0.5 * (mean + mean.mT))
    w, p = w.flip(0)[:width], p.flip(1)[:, :width]
    if not float(w[0]) > 0:
        raise InvalidInputError(
            f"the start is zero: the largest eigenvalue of the measurements' signs is "
            f"{float(w[0]):.3g}. Is y of a positive semidefinite matrix, or its sign turned?"
        )
    return alpha * p * w.clamp(min=0).sqrt()


def random_start(
    size: int, width: int, alpha: float, rng: np.random.Generator
) -> Float[Tensor, "size width"]:
    """Entries alpha N(0, 1 / d), float64."""
    return torch.from_numpy(alpha * rng.standard_normal((size, width)) / np.sqrt(size))


def batch(starts: list[Float[Tensor, "d k"]]) -> Float[Tensor, "b d widest"]:
    """Starts side by side, those of fewer columns filled with zeros."""
    widest = max(start.shape[1] for start in starts)
    return torch.stack(
        [torch.nn.functional.pad(start, (0, widest - start.shape[1])) for start in starts]
    )


@dataclass(frozen=True)
class Iterate:
    """U_t.

    Attributes:
        t: steps taken.
        u: it; the next step changes it in place.
        product: U U^T.
        residual: A(U U^T) - y.
        loss: f.
    """

    t: int
    u: Float[Tensor, "b d k"]
    product: Float[Tensor, "b d d"]
    residual: Float[Tensor, "b m"]
    loss: Float[Tensor, " b"]


def iterates(
    start: Float[Tensor, "b d k"],
    y: Float[Tensor, " m"],
    sensing: Sensing,
    rule: Rule,
    steps: int,
    loss: Loss | None = None,
) -> Iterator[Iterate]:
    """U_0 to U_steps of U+ = U - eta_t Q(U) U, with Q symmetric.

    Args:
        start: U_0, a batch of them.
        y: measurements, of the type of A and of the start.

    Raises:
        InvalidInputError: the loss is no longer finite: eta_0 is too large.
    """
    loss = Absolute() if loss is None else loss
    u = start.clone()
    symmetric = isinstance(sensing, Packed)
    for t in range(steps + 1):
        product = u @ u.mT
        residual = sensing.apply(product) - y
        value = loss.value(residual)
        # On a GPU every look waits for it.
        if (t % 128 == 127 or t == steps) and not bool(value.isfinite().all()):
            raise InvalidInputError(
                f"the loss is no longer finite after {t} steps of {rule}: take a smaller eta0."
            )
        yield Iterate(t, u, product, residual, value)
        if t < steps:
            q = sensing.adjoint(loss.weights(residual)) / len(y)
            q = q if symmetric else 0.5 * (q + q.mT)
            u -= rule.eta(t, value, q)[:, None, None] * (q @ u)


@dataclass(frozen=True)
class Trajectory:
    """Of a batch.

    Attributes:
        errors: ||U U^T - X*||_F of every step.
        losses: f.
        u: the last.
    """

    errors: Float[np.ndarray, "steps b"]
    losses: Float[np.ndarray, "steps b"]
    u: Float[Tensor, "b d k"]

    @property
    def last(self) -> Float[np.ndarray, " b"]:
        """Errors of the last iterates, of which the theorems speak."""
        return self.errors[-1]

    @property
    def best(self) -> Float[np.ndarray, " b"]:
        """Least errors, which who does not know the truth cannot pick."""
        return self.errors.min(0)


def follow(
    start: Float[Tensor, "b d k"],
    y: Float[Tensor, " m"],
    sensing: Sensing,
    rule: Rule,
    steps: int,
    truth: Float[Tensor, "d d"],
    loss: Loss | None = None,
) -> Trajectory:
    """``iterates``, with errors against the truth."""
    errors, losses = [], []
    for now in iterates(start, y, sensing, rule, steps, loss):
        errors.append(torch.linalg.matrix_norm(now.product - truth))
        losses.append(now.loss)
    found = (torch.stack(part).cpu().numpy() for part in (errors, losses))
    return Trajectory(*found, now.u)
