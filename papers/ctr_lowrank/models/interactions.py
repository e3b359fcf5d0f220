"""What the models put between embeddings and the output, each on decoded vectors (B, F, D)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError

Vectors = Float[Tensor, "b fields dim"]


def bi_interaction(vectors: Vectors) -> Float[Tensor, "b dim"]:
    """Sum over pairs of fields of the products of their vectors (NFM; He and Chua 2017)."""
    return (vectors.sum(1).square() - vectors.square().sum(1)) / 2


class CrossNetwork(nn.Module):
    """``x_{l+1} = x_0 (x_l^T w_l) + b_l + x_l``, then one output (DCN; Wang et al. 2017)."""

    def __init__(self, inputs: int, layers: int):
        super().__init__()
        self.weights = nn.ParameterList(nn.Parameter(torch.empty(inputs)) for _ in range(layers))
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(inputs)) for _ in range(layers))
        for weight in self.weights:
            nn.init.normal_(weight, std=inputs**-0.5)
        self.head = nn.Linear(inputs, 1, bias=False)

    def forward(self, first: Float[Tensor, "b n"]) -> Float[Tensor, " b"]:
        x = first
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = first * (x @ weight)[:, None] + bias + x
        return self.head(x)[:, 0]


class InteractingLayer(nn.Module):
    """Multi-head self-attention over fields with a linear residual (AutoInt; Song et al. 2019).

    Raises:
        InvalidInputError: the heads do not divide D.
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        if heads < 1 or dim % heads:
            raise InvalidInputError(f"heads={heads}; allowed: divisors of dim={dim}.")
        self.heads = heads
        # Queries, keys, values and residual in one product.
        self.weight = nn.Parameter(nn.init.normal_(torch.empty(4 * dim, dim), std=0.05))

    def forward(self, vectors: Vectors) -> Vectors:
        query, key, value, residual = F.linear(vectors, self.weight).chunk(4, -1)
        query, key, value = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (query, key, value)
        )
        scores = (query @ key.mT).softmax(-1)
        return F.relu((scores @ value).transpose(1, 2).flatten(2) + residual)


class SqueezeExcitation(nn.Module):
    """A weight for each field from all fields' means (SENET in FiBiNET; Huang et al. 2019)."""

    def __init__(self, fields: int, reduction: int):
        super().__init__()
        inner = max(1, fields // reduction)
        self.squeeze = nn.Linear(fields, inner, bias=False)
        self.excite = nn.Linear(inner, fields, bias=False)

    def forward(self, vectors: Vectors) -> Vectors:
        weights = F.relu(self.excite(F.relu(self.squeeze(vectors.mean(-1)))))
        return vectors * weights[..., None]


class BilinearInteraction(nn.Module):
    """``(W_ij v_i) * v_j`` for every pair of fields, a matrix a pair (FiBiNET)."""

    def __init__(self, fields: int, dim: int):
        super().__init__()
        first, second = torch.triu_indices(fields, fields, offset=1)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        bound = dim**-0.5  # as torch starts its linear layers
        self.weight = nn.Parameter(torch.empty(len(first), dim, dim).uniform_(-bound, bound))

    def forward(self, vectors: Vectors) -> Float[Tensor, "b pairs dim"]:
        turned = torch.einsum("bpd,ped->bpe", vectors[:, self.first], self.weight)
        return turned * vectors[:, self.second]


class CompressedInteraction(nn.Module):
    """Layers of weighted outer products with the first vectors, summed over D (CIN in xDeepFM;
    Lian et al. 2018). Half of each layer's maps goes on, half goes out; all of the last goes out.

    Raises:
        InvalidInputError: a layer that is to be halved is odd.
    """

    def __init__(self, fields: int, sizes: Sequence[int]):
        super().__init__()
        if any(size % 2 for size in sizes[:-1]) or min(sizes, default=0) < 1:
            raise InvalidInputError(
                f"cin={list(sizes)}; needed is a layer or more, all but the last of even size."
            )
        self.sizes = tuple(sizes)
        inner = [fields, *(size // 2 for size in sizes[:-1])]
        self.layers = nn.ModuleList(
            nn.Linear(fields * n, size) for n, size in zip(inner, sizes, strict=True)
        )
        self.head = nn.Linear(sum(inner[1:]) + sizes[-1], 1, bias=False)

    def forward(self, vectors: Vectors) -> Float[Tensor, " b"]:
        first = vectors.mT
        x, out = first, []
        for place, layer in enumerate(self.layers):
            outer = (x[..., :, None] * first[..., None, :]).flatten(2)
            x = F.relu(layer(outer))
            if place + 1 < len(self.layers):
                x, direct = x.chunk(2, -1)
            else:
                direct = x
            out.append(direct.sum(1))
        return self.head(torch.cat(out, -1))[:, 0]
