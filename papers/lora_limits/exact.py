"""The gradient in closed form, with every L x L matrix written out, and by autograd: references."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from papers.lora_limits.head import NAMES, Gradients, Problem


@dataclass(frozen=True)
class Chain:
    """The four links of the gradient (Sections 3 and 4).

    Attributes:
        f: attention weights, ``D^-1 exp(scores)``.
        c: residual, ``f h - Y``.
        q: ``c h^T``, of rank n.
        p: ``f * q - diag(rho) f`` with ``rho_j = <f_j, q_j>``: d loss / d scores.
        p1: ``f * q``.
        p2: ``diag(rho) f``.
    """

    f: Float[Tensor, "L L"]
    c: Float[Tensor, "L n"]
    q: Float[Tensor, "L L"]
    p1: Float[Tensor, "L L"]
    p2: Float[Tensor, "L L"]

    @property
    def p(self) -> Float[Tensor, "L L"]:
        """Its rows sum to 0."""
        return self.p1 - self.p2


def chain(problem: Problem) -> Chain:
    """All of it, in O(L^2) memory."""
    f = torch.softmax(problem.queries @ problem.keys.mT, dim=-1)
    return chain_of(f, problem)


def chain_of(f: Float[Tensor, "L L"], problem: Problem) -> Chain:
    """The same behind attention weights that are given."""
    c = f @ problem.values - problem.y
    q = c @ problem.values.mT
    p1 = f * q
    return Chain(f, c, q, p1, p1.sum(1, keepdim=True) * f)


def closed_form(problem: Problem) -> Gradients:
    """``beta X^T p X W_K``, ``beta X^T p^T X W_Q``, ``X^T f^T c``."""
    links, x = chain(problem), problem.x
    loss = float(links.c.double().square().sum() / 2)
    return problem.gradients(x.mT @ links.p @ x, x.mT @ (links.f.mT @ links.c), loss)


def adapters_by_autograd(problem: Problem) -> dict[str, Tensor]:
    """Gradients of all factors, differentiated through the loss as it is defined."""
    head, x = problem.head, problem.x
    leaves, merged = {}, {}
    for name in NAMES:
        weight = head.weights[name]
        merged[name] = weight.frozen
        if weight.B is not None:
            B, A = (factor.detach().clone().requires_grad_() for factor in (weight.B, weight.A))
            leaves |= {f"{name}.B": B, f"{name}.A": A}
            merged[name] = weight.frozen + weight.scale * (B @ A)
    scores = head.beta * (x @ merged["query"]) @ (x @ merged["key"]).mT
    loss = (torch.softmax(scores, -1) @ (x @ merged["value"]) - problem.y).square().sum() / 2
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
