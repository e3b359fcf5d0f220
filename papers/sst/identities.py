"""Closed forms that a spectral layer has to meet, each against a slow float64 reference."""

from __future__ import annotations

import itertools

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from papers.sst.models import DEFAULT, ENHANCED, SpectralLinear


def layer_of(weight: Float[Tensor, "m n"], rank: int, gradient: str = ENHANCED) -> SpectralLinear:
    """A spectral layer without bias, of this weight."""
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False).to(weight)
    with torch.no_grad():
        linear.weight.copy_(weight)
    return SpectralLinear.from_linear(linear, rank, gradient=gradient)


def stated_gradients(
    layer: SpectralLinear, G: Float[Tensor, "m n"]
) -> tuple[Float[Tensor, "m r"], Float[Tensor, " k"], Float[Tensor, "n r"]]:
    """Gradients of U_S, s, V_S from the explicit gradient of the weight, triple by triple
    (Section 4.3, Appendix B)."""
    U, s, V = layer.triples()
    of_s = torch.stack([U[:, i] @ G @ V[:, i] for i in range(len(s))])
    factor = s if layer.gradient == DEFAULT else torch.ones_like(s)
    of_U = torch.stack([factor[i] * (G @ V[:, i]) for i in layer.active.tolist()], 1)
    of_V = torch.stack([factor[i] * (G.T @ U[:, i]) for i in layer.active.tolist()], 1)
    return of_U, of_s, of_V


def first_order_step(layer: SpectralLinear, G: Float[Tensor, "m n"]) -> Float[Tensor, "m n"]:
    """D of Appendices C and D: one SGD step of rate eta changes W by eta D + O(eta^2)."""
    U, s, V = layer.triples()
    m, n = G.shape
    one_m, one_n = torch.eye(m).to(G), torch.eye(n).to(G)
    D = torch.zeros_like(G)
    for i in range(len(s)):
        D -= (U[:, i] @ G @ V[:, i]) * torch.outer(U[:, i], V[:, i])
    for i in layer.active.tolist():
        of_U, of_V = torch.outer(U[:, i], U[:, i]), torch.outer(V[:, i], V[:, i])
        factor = s[i] if layer.gradient == ENHANCED else s[i] ** 2
        D -= factor * ((one_m - of_U) @ G @ of_V + of_U @ G @ (one_n - of_V))
    return D


def after_sgd(layer: SpectralLinear, G: Float[Tensor, "m n"], rate: float) -> Float[Tensor, "m n"]:
    """The weight after one SGD step of the layer itself on the loss <G, W>."""
    optimiser = torch.optim.SGD(layer.parameters(), rate)
    rows = torch.eye(layer.in_features).to(G)
    (layer(rows) * G.T).sum().backward()
    optimiser.step()
    layer.constrain()
    return layer.weight()


def inclusion(p: Float[Tensor, " k"], rank: int) -> Float[Tensor, " k"]:
    """Exact probability of each index to be among ``rank`` drawn one after the other without
    replacement, by enumeration; for small k."""
    found = torch.zeros_like(p)
    for sequence in itertools.permutations(range(len(p)), rank):
        chance, left = 1.0, 1.0
        for i in sequence:
            chance *= float(p[i]) / left
            left -= float(p[i])
        found[list(sequence)] += chance
    return found


def relative_error(found: Tensor, wanted: Tensor) -> float:
    """Largest difference over the largest entry wanted."""
    return float((found - wanted).abs().max() / wanted.abs().max())


def frequencies(draws: list[Int[Tensor, " r"]], k: int) -> Float[Tensor, " k"]:
    """Part of the draws in which each index occurs."""
    return torch.bincount(torch.cat(draws), minlength=k).double() / len(draws)
