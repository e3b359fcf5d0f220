"""The same chain with its Khatri-Rao factors written out, O(L k1 n) memory, for any factors of f.

What the proof describes; also the door for other low-rank approximations of the weights.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.kernels.khatri_rao import rowwise_khatri_rao
from papers.lora_limits.fast import require_positive
from papers.lora_limits.features import feature_maps
from papers.lora_limits.head import Gradients, Problem
from papers.lora_limits.polynomials import ExpPolynomial


@dataclass(frozen=True)
class Factors:
    """``f' = U1 V1^T``, ``q' = U2 V2^T``, ``p1' = U3 V3^T``, ``p2' = U4 V4^T`` (Section 3)."""

    U1: Float[Tensor, "L k1"]
    V1: Float[Tensor, "L k1"]
    U2: Float[Tensor, "L n"]
    V2: Float[Tensor, "L n"]
    U3: Float[Tensor, "L k3"]
    V3: Float[Tensor, "L k3"]
    U4: Float[Tensor, "L k1"]
    V4: Float[Tensor, "L k1"]


def normalised(
    left: Float[Tensor, "L k1"], right: Float[Tensor, "L k1"]
) -> tuple[Float[Tensor, "L k1"], Float[Tensor, "L k1"]]:
    """Rows of the left factor over the row sums of the product."""
    return left / (left @ right.sum(0))[:, None], right


def polynomial_factors(
    problem: Problem, polynomial: ExpPolynomial
) -> tuple[Float[Tensor, "L k1"], Float[Tensor, "L k1"]]:
    """U1 and V1.

    Raises:
        InvalidInputError: the polynomial is not positive where scores may lie.
    """
    require_positive(polynomial, problem.queries, problem.keys)
    return normalised(*feature_maps(problem.queries, problem.keys, polynomial))


def factors(problem: Problem, U1: Tensor, V1: Tensor) -> Factors:
    """All four pairs, from a factorisation of the attention weights.

    Raises:
        InvalidInputError: the factors do not have a row for every token.
    """
    if not len(U1) == len(V1) == problem.length:
        raise InvalidInputError(
            f"The factors have {len(U1)} and {len(V1)} rows; needed are {problem.length}."
        )
    h = problem.values
    output = U1 @ (V1.mT @ h)
    c = output - problem.y
    rho = (c * output).sum(1, keepdim=True)
    return Factors(U1, V1, c, h, rowwise_khatri_rao(U1, c), rowwise_khatri_rao(V1, h), rho * U1, V1)


def factored_gradients(problem: Problem, U1: Tensor, V1: Tensor) -> Gradients:
    """``(X^T U3)(V3^T X) - (X^T U4)(V4^T X)`` in the place of ``X^T p X``."""
    parts, x = factors(problem, U1, V1), problem.x
    interaction = (x.mT @ parts.U3) @ (parts.V3.mT @ x) - (x.mT @ parts.U4) @ (parts.V4.mT @ x)
    value = (x.mT @ V1) @ (U1.mT @ parts.U2)
    loss = float(parts.U2.double().square().sum() / 2)
    return problem.gradients(interaction, value, loss)
