"""Approximate gradients of LoRA with a promise, and a head that trains with them.

from papers.lora_limits.models import aloragc
solved = aloragc(problem, epsilon=1e-3)        # degree from the norms; refuses large ones
solved.adapters["query.B"]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.errors import InvalidInputError
from common.kernels.monomials import monomial_count
from papers.lora_limits.attention import almost_linear_attention
from papers.lora_limits.bounds import Sizes, adapter_error, chosen_polynomial, score_radius
from papers.lora_limits.fast import fast_gradients
from papers.lora_limits.head import NAMES, AdaptedWeight, Gradients, Head, Problem
from papers.lora_limits.polynomials import ExpPolynomial


@dataclass(frozen=True)
class Solution:
    """Of ALoRAGC(L, d, r, epsilon).

    Attributes:
        adapters: gradient of each factor, ``query.B``, ``query.A``, ...
        gradients: of the merged weights.
        polynomial: that was chosen.
        features: k1.
        bound: on the error of any entry of ``adapters``, apart from rounding; at most epsilon.
    """

    adapters: dict[str, Tensor]
    gradients: Gradients
    polynomial: ExpPolynomial
    features: int
    bound: float


def aloragc(
    problem: Problem, epsilon: float, *, kind: str = "taylor", max_features: int = 20_000
) -> Solution:
    """All adapters' gradients, each entry within ``epsilon`` of the exact one.

    The degree follows from the norms of X times the merged weights. Where they are so large that
    more than ``max_features`` monomials were needed, the problem is refused: that is the regime in
    which the paper shows that no algorithm is fast. It is worked out in float64 whatever the dtype
    of the problem: rounding in float32 alone would exceed a small ``epsilon``.

    Args:
        problem: tokens, target and head.
        epsilon: promised for the largest entry.
        kind: of the polynomial, ``taylor`` or ``chebyshev``.
        max_features: refuse beyond.

    Raises:
        InvalidInputError: the promise cannot be kept.
    """
    problem = problem.double()
    polynomial = chosen_polynomial(problem, epsilon, kind, max_features)
    gradients = fast_gradients(problem, polynomial)
    bound = adapter_error(problem.head, Sizes.of(problem).errors(polynomial.relative_error))
    features = monomial_count(problem.queries.shape[1], polynomial.degree)
    return Solution(gradients.of_adapters(problem.head), gradients, polynomial, features, bound)


class AdaptedHead(nn.Module):
    """A frozen attention head with trainable adapters on W_Q, W_K and W_V.

    Args:
        weights: W* of ``query``, ``key`` and ``value``.
        rank: r; B starts at 0, A is Gaussian with variance 1/r.
        beta: scale of the scores.
        alpha: adapters are scaled by alpha / r.
        polynomial: attention by it, with the paper's gradient; None: exact.

    Raises:
        InvalidInputError: a weight is missing, the rank is below 1, or alpha is 0.
    """

    def __init__(
        self,
        weights: dict[str, Float[Tensor, "d m"]],
        rank: int,
        beta: float,
        alpha: float | None = None,
        polynomial: ExpPolynomial | None = None,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        if set(weights) != set(NAMES) or rank < 1:
            raise InvalidInputError(
                f"weights are {sorted(weights)} and rank={rank}; needed are {sorted(NAMES)} and a "
                "rank of 1 or more."
            )
        if alpha is not None and (alpha == 0 or not math.isfinite(alpha)):
            raise InvalidInputError(f"alpha={alpha}; allowed: any finite number but 0.")
        self.beta, self.scale = beta, (rank if alpha is None else alpha) / rank
        self.polynomial = polynomial
        self.B, self.A = nn.ParameterDict(), nn.ParameterDict()
        for name in NAMES:
            frozen = weights[name]
            self.register_buffer(f"{name}_frozen", frozen)
            d, m = frozen.shape
            self.B[name] = nn.Parameter(frozen.new_zeros(d, rank))
            drawn = torch.randn(rank, m, generator=generator, dtype=torch.float64)
            self.A[name] = nn.Parameter((drawn / rank**0.5).to(frozen))

    def adapted(self, name: str) -> AdaptedWeight:
        """The weight as it stands."""
        frozen = getattr(self, f"{name}_frozen")
        return AdaptedWeight(frozen, self.B[name], self.A[name], self.scale)

    def forward(self, x: Float[Tensor, "*batch L d"]) -> Float[Tensor, "*batch L n"]:
        """Attention of the tokens over themselves."""
        q, k, v = (x @ self.adapted(name).merged for name in NAMES)
        if self.polynomial is None:
            return torch.softmax(self.beta * q @ k.mT, -1) @ v
        return almost_linear_attention(q, k, v, self.polynomial, self.beta)

    @torch.no_grad()
    def radius(self, x: Float[Tensor, "L d"]) -> float:
        """R: no score is larger."""
        q, k = (x @ self.adapted(name).merged for name in ("query", "key"))
        return score_radius(self.beta * q, k)

    @torch.no_grad()
    def cap(self, x: Float[Tensor, "L d"], radius: float, factor: float = 0.98) -> int:
        """Shrink B of query and key by ``factor`` until no score can exceed ``radius``; returns how
        often.

        Raises:
            InvalidInputError: the frozen weights alone exceed it, an adapter is not finite, or the
                factor is not between 0 and 1.
        """
        if not 0 < factor < 1:
            raise InvalidInputError(f"factor={factor}; allowed: between 0 and 1.")
        if not all(bool(p.isfinite().all()) for p in (*self.A.values(), *self.B.values())):
            raise InvalidInputError("An adapter is not finite; no factor makes its scores smaller.")
        frozen = {name: x @ getattr(self, f"{name}_frozen") for name in ("query", "key")}
        if score_radius(self.beta * frozen["query"], frozen["key"]) > radius:
            raise InvalidInputError(
                f"The frozen weights alone allow scores above the cap of {radius:g}: no adapter is "
                "small enough. Raise the cap."
            )
        times = 0
        while self.radius(x) > radius:
            self.B["query"].mul_(factor)
            self.B["key"].mul_(factor)
            times += 1
        return times

    def problem(self, x: Float[Tensor, "L d"], y: Float[Tensor, "L n"]) -> Problem:
        """The head at this point, without history."""
        parts = [
            AdaptedWeight(w.frozen, w.B.detach(), w.A.detach(), w.scale)
            for w in map(self.adapted, NAMES)
        ]
        return Problem(x, y, Head(*parts, beta=self.beta))
