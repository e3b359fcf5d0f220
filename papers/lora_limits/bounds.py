"""What the norms promise: the interval of the scores, the error of the gradient, the degree needed.

The norms are those of X times the merged weights, so that adapters count as the weights do; they
are read off in O(L d), never off the L x L scores.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError
from common.kernels.monomials import monomial_count
from papers.lora_limits.head import Head, Problem
from papers.lora_limits.polynomials import ExpPolynomial, polynomial, smallest_degree


def score_radius(queries: Float[Tensor, "L m"], keys: Float[Tensor, "L2 m"]) -> float:
    """R: no score is larger, by Cauchy's inequality. ``queries`` carry beta."""
    return float(queries.norm(dim=-1).max() * keys.norm(dim=-1).max())


def gamma(problem: Problem) -> tuple[float, float]:
    """Largest entries of ``X W_Q`` (without beta) and of ``X W_K``: the norms of the theorems."""
    return (
        float((problem.x @ problem.head.query.merged).abs().max()),
        float(problem.keys.abs().max()),
    )


@dataclass(frozen=True)
class Sizes:
    """Of what the error is multiplied with on its way to the gradients.

    ``|f' - f| <= delta f`` entrywise, delta = 2 eta / (1 - eta); then ``|c' - c| <= delta H``,
    ``|q' - q| <= delta H H1``, ``|p' - p| <= delta f (3 (C + delta H) H1 + 2 H H1)``, and rows of f
    sum to 1.
    """

    largest_value: float  # H
    value_norm: float  # H1: of a row of h, the sum
    residual: float  # C >= |c|, before anything is computed
    to_query: Float[Tensor, "d m"]
    to_key: Float[Tensor, "d m"]
    to_value: Float[Tensor, "d n"]

    @classmethod
    def of(cls, problem: Problem) -> Sizes:
        """Read off in O(L d (d + m + n))."""
        x, h = problem.x.double().abs(), problem.values.double().abs()
        queries, keys = problem.queries.double().abs(), problem.keys.double().abs()
        largest = float(h.max())
        ones = torch.ones_like(h)
        return cls(
            largest_value=largest,
            value_norm=float(h.sum(1).max()),
            residual=largest + float(problem.y.abs().max()),
            to_query=problem.head.beta * torch.outer(x.sum(0), keys.amax(0)),
            to_key=torch.outer(x.amax(0), queries.sum(0)),
            to_value=torch.outer(x.amax(0), ones.sum(0)),
        )

    def errors(self, eta: float) -> dict[str, Tensor]:
        """Bounds on the entries of the three weights' gradients."""
        delta = 2 * eta / (1 - eta)
        residual = self.residual + delta * self.largest_value
        scores = self.value_norm * (3 * residual + 2 * self.largest_value)
        return {
            "query": delta * scores * self.to_query,
            "key": delta * scores * self.to_key,
            "value": delta * (residual + self.largest_value) * self.to_value,
        }


def adapter_error(head: Head, errors: dict[str, Tensor]) -> float:
    """Largest error of an entry of any factor's gradient."""
    worst = 0.0
    for name, weight in head.weights.items():
        if weight.B is not None:
            worst = max(
                worst,
                weight.scale * float((errors[name] @ weight.A.mT.double().abs()).max()),
                weight.scale * float((weight.B.mT.double().abs() @ errors[name]).max()),
            )
    return worst


def chosen_polynomial(
    problem: Problem, epsilon: float, kind: str = "taylor", max_features: int = 20_000
) -> ExpPolynomial:
    """Of the least degree for which every entry of the adapters' gradients is within ``epsilon``.

    Raises:
        InvalidInputError: epsilon is not positive; the head has no adapter; or the norms ask for
            more than ``max_features`` monomials.
    """
    if not epsilon > 0:
        raise InvalidInputError(f"epsilon={epsilon}; allowed: above 0.")
    if all(weight.B is None for weight in problem.head.weights.values()):
        raise InvalidInputError("The head has no adapter: there is no gradient to bound.")
    radius = max(score_radius(problem.queries, problem.keys), 1e-12)
    eta = _largest_eta(problem, epsilon)
    wanted = (
        f"Scores reach {radius:.3g} and epsilon={epsilon:g} asks for a relative error of "
        f"{eta:.2g} on them"
    )
    remedy = "Make the norms smaller (cap the adapters), or epsilon larger."
    try:
        degree = smallest_degree(kind, radius, eta)
        found = polynomial(kind, degree, radius)
    except InvalidInputError as error:
        raise InvalidInputError(f"{wanted}: {error} {remedy}") from error
    count = monomial_count(problem.queries.shape[1], degree)
    if count > max_features:
        raise InvalidInputError(
            f"{wanted}: degree {degree}, {count} monomials of {problem.queries.shape[1]} "
            f"variables; allowed: {max_features}. {remedy}"
        )
    return found


def _largest_eta(problem: Problem, epsilon: float) -> float:
    """By bisection of its logarithm: the bound rises with eta."""
    sizes = Sizes.of(problem)
    low, high = 1e-14, 0.5
    if adapter_error(problem.head, sizes.errors(low)) > epsilon:
        raise InvalidInputError(
            f"epsilon={epsilon:g} is below what float64 can promise for these norms. Make it "
            "larger, or the norms smaller."
        )
    if adapter_error(problem.head, sizes.errors(high)) <= epsilon:
        return high
    for _ in range(60):
        middle = (low * high) ** 0.5
        if adapter_error(problem.head, sizes.errors(middle)) <= epsilon:
            low = middle
        else:
            high = middle
    return low
