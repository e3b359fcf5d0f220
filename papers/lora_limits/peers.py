"""Other ways to the same gradient: fused attention, random features, the best of a rank."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from common.errors import InvalidInputError
from papers.lora_limits.factored import normalised
from papers.lora_limits.head import NAMES, Gradients, Problem
from papers.lora_limits.polynomials import ExpPolynomial


def fused_gradients(problem: Problem) -> Gradients:
    """By torch's scaled dot-product attention and its backward, exact."""
    return _through(
        problem,
        lambda q, k, v: F.scaled_dot_product_attention(
            q[None, None], k[None, None], v[None, None], scale=problem.head.beta
        )[0, 0],
    )


def differentiated_approximation(problem: Problem, polynomial: ExpPolynomial) -> Gradients:
    """The derivative of the approximate forward, ``P(scores)`` over its row sums, L x L: not the
    paper's gradient, in which P stands for its own derivative."""

    def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        weights = polynomial(problem.head.beta * q @ k.mT)
        return weights / weights.sum(1, keepdim=True) @ v

    return _through(problem, attention)


def _through(problem: Problem, attention) -> Gradients:
    weights = [problem.head.weights[name].merged.detach().requires_grad_() for name in NAMES]
    output = attention(*(problem.x @ weight for weight in weights))
    loss = (output - problem.y).square().sum() / 2
    found = torch.autograd.grad(loss, weights)
    return Gradients(*(gradient.double() for gradient in found), float(loss.detach()))


def random_feature_factors(
    problem: Problem, features: int, seed: int
) -> tuple[Float[Tensor, "L k"], Float[Tensor, "L k"]]:
    """Positive orthogonal random features of exp (Choromanski et al. 2021), normalised.

    ``exp(<q, k>) = E exp(<w, q> - |q|^2/2) exp(<w, k> - |k|^2/2)`` over Gaussian w, orthogonal to
    each other within each block of as many as there are variables.

    Raises:
        InvalidInputError: no feature is asked for.
    """
    if features < 1:
        raise InvalidInputError(f"features={features}; allowed: 1 or more.")
    m = problem.queries.shape[1]
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(-(-features // m)):
        gaussian = torch.randn(m, m, generator=generator, dtype=torch.float64)
        lengths = torch.randn(m, m, generator=generator, dtype=torch.float64).norm(dim=1)
        orthogonal, triangular = torch.linalg.qr(gaussian)
        # Signs of a factorisation are a convention; with these directions are uniform.
        rows.append((orthogonal * triangular.diagonal().sign()).mT * lengths[:, None])
    w = torch.cat(rows)[:features].to(problem.x)

    def positive(points: Tensor) -> Tensor:
        return torch.exp(points @ w.mT - points.square().sum(1, keepdim=True) / 2)

    # Half of beta on either side: the features' variance grows with both norms.
    root = problem.head.beta**0.5
    return normalised(positive(problem.queries / root), positive(problem.keys * root))


def truncated_factors(
    problem: Problem, rank: int
) -> tuple[Float[Tensor, "L k"], Float[Tensor, "L k"]]:
    """The best that any factors of f of this rank can do in Frobenius norm: an oracle, from the L x
    L weights themselves.

    Raises:
        InvalidInputError: the rank is not in 1 .. L.
    """
    if not 1 <= rank <= problem.length:
        raise InvalidInputError(f"rank={rank}; allowed: 1 to {problem.length}.")
    f = torch.softmax(problem.queries @ problem.keys.mT, dim=-1)
    left, singular, right = torch.linalg.svd(f)
    return left[:, :rank] * singular[:rank], right[:rank].mT
