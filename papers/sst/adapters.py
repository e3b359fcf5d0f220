"""LoRA (Hu et al. 2022), and ReLoRA* (Lialin et al. 2024, without its full-rank start).

The increment is B A, unscaled (alpha = r), so that no method here has a factor that others lack.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError
from papers.sst.sampling import seeded


class LoRALinear(nn.Module):
    """x -> W x + B (A x) + bias, W (m, n) frozen, A (r, n) random, B (m, r) zero at the start.

    Args:
        linear: gives W and the bias, which is trained.
        rank: r.
        seed: of A, with ``layer``.
        layer: name of the layer in its model.

    Raises:
        InvalidInputError: ``rank`` is not 1 to min(m, n).
    """

    def __init__(self, linear: nn.Linear, rank: int, *, seed: int = 0, layer: str = ""):
        super().__init__()
        m, n = linear.weight.shape
        if not 1 <= rank <= min(m, n):
            raise InvalidInputError(f"rank={rank}; a layer of {m} x {n} allows 1 to {min(m, n)}.")
        self.in_features, self.out_features, self.rank = n, m, rank
        self.seed, self.layer = seed, layer
        self.register_buffer("weight", linear.weight.detach().clone())
        self.bias = None if linear.bias is None else nn.Parameter(linear.bias.detach().clone())
        self.A = nn.Parameter(self.weight.new_empty(rank, n))
        self.B = nn.Parameter(self.weight.new_zeros(m, rank))
        self.draw(0)

    @torch.no_grad()
    def draw(self, iteration: int) -> None:
        """B = 0 and a new A, uniform within 1/sqrt(n) as ``nn.Linear`` has it: a function of the
        seed, the layer's name and the iteration."""
        generator = seeded(self.seed, self.layer, iteration)
        uniform = torch.rand(self.A.shape, generator=generator, dtype=torch.float64)
        self.A.copy_((2 * uniform - 1) / math.sqrt(self.in_features))
        self.B.zero_()

    @torch.no_grad()
    def merge(self) -> None:
        """Add the increment to W; the caller draws a new one."""
        self.weight += self.B @ self.A

    def forward(self, x: Float[Tensor, "*b n"]) -> Float[Tensor, "*b m"]:
        return F.linear(x, self.weight, self.bias) + F.linear(F.linear(x, self.A), self.B)

    def to_linear(self) -> nn.Linear:
        """A dense layer of the same function."""
        weight = self.weight + (self.B @ self.A).detach()
        linear = nn.Linear(self.in_features, self.out_features, self.bias is not None).to(weight)
        with torch.no_grad():
            linear.weight.copy_(weight)
            if self.bias is not None:
                linear.bias.copy_(self.bias)
        return linear
