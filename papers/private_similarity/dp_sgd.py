"""Differentially private gradient descent (Abadi et al. 2016) for a linear head or a small network
on features: what classification by averages is compared with.

Gradients of single rows are outer products, so that their norms need no gradient of its own for
each. Noise and batches are from a seed: not private, as ``simulation``.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError, UserError
from papers.private_similarity.mechanisms import Gaussian
from papers.private_similarity.simulation import Simulation

Layers = list[Float[Tensor, "out in_and_bias"]]


@dataclass(frozen=True)
class DPSGD:
    """Settings of a training.

    Attributes:
        sampling: q, the chance of each row to be in a batch; 1 takes all of them.
        steps: of descent.
        lr: step size of the mean gradient of an expected batch.
        noise: deviation, times ``clip``, on the sum of gradients.
        clip: norm that a row's gradient is cut to.
        hidden: neurons of a hidden layer; 0 for a linear head.
    """

    sampling: float
    steps: int
    lr: float
    noise: float
    clip: float = 1.0
    hidden: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.sampling <= 1 or self.steps < 1 or not self.noise > 0 or self.clip <= 0:
            raise InvalidInputError(
                f"{self}; allowed: sampling above 0, at most 1; one step or more; noise and clip "
                "above 0."
            )

    def train(
        self,
        x: Float[Tensor, "n d"],
        y: Int[Tensor, " n"],
        classes: int,
        seed: int,
        check: Callable[[], None] = lambda: None,
    ) -> Layers:
        """Weights, a bias in the last column of each layer.

        Args:
            check: called before every step; may raise.
        """
        generator = torch.Generator().manual_seed(seed)  # the same numbers on every device
        widths = [x.shape[1], *([self.hidden] if self.hidden else []), classes]
        layers = [torch.zeros(classes, widths[-2] + 1).to(x)]
        if self.hidden:
            drawn = torch.randn(self.hidden, x.shape[1] + 1, generator=generator).to(x)
            layers.insert(0, drawn * math.sqrt(2))
        for _ in range(self.steps):
            check()
            rows, labels = x, y
            if self.sampling < 1:
                chosen = (torch.rand(len(x), generator=generator) < self.sampling).to(x.device)
                rows, labels = x[chosen], y[chosen]
            for layer, total in zip(
                layers, clipped_sums(layers, rows, labels, self.clip), strict=True
            ):
                noise = torch.randn(total.shape, generator=generator).to(x)
                total += self.noise * self.clip * noise
                layer -= self.lr / (self.sampling * len(x)) * total
        return layers


def logits(layers: Layers, x: Float[Tensor, "n d"]) -> Float[Tensor, "n classes"]:
    """Scores of the classes."""
    return _forward(layers, x)[-1]


def clipped_sums(
    layers: Layers, x: Float[Tensor, "n d"], y: Int[Tensor, " n"], clip: float
) -> Layers:
    """Sum over rows of the gradient of the cross entropy, each cut to a norm over all layers."""
    *inputs, found = _forward(layers, x)
    residual = torch.softmax(found, 1)
    residual[torch.arange(len(y), device=y.device), y] -= 1
    residuals = [residual]
    if len(layers) == 2:
        back = residual @ layers[1][:, :-1]
        residuals.insert(0, back * (inputs[1] > 0))
    pairs = list(zip(residuals, inputs, strict=True))
    squares = sum(r.square().sum(1) * (a.square().sum(1) + 1) for r, a in pairs)
    scale = (clip / squares.sqrt().clamp_min(clip))[:, None]
    return [torch.cat(((r * scale).mT @ a, (r * scale).sum(0)[:, None]), 1) for r, a in pairs]


def _forward(layers: Layers, x: Float[Tensor, "n d"]) -> list[Float[Tensor, "n width"]]:
    """The input of each layer and the output of the last."""
    found = [x]
    for i, layer in enumerate(layers):
        out = torch.addmm(layer[:, -1], found[-1], layer[:, :-1].mT)
        found.append(out if i == len(layers) - 1 else out.relu())
    return found


@lru_cache(maxsize=256)
def noise_multiplier(epsilon: float, delta: float, sampling: float, steps: int) -> float:
    """The least noise with which a training is (epsilon, delta)-DP, records added or removed.

    Whole batches compose as one Gaussian mechanism; Poisson samples are accounted for by numerical
    composition (Gopi, Lee and Wutschitz 2021) in Opacus (extra ``privacy``).

    Raises:
        UserError: Opacus is not installed.
    """
    if sampling == 1:
        return Gaussian.of(epsilon, delta, Simulation(0)).deviation(1.0) * math.sqrt(steps)
    try:
        from opacus.accountants.utils import get_noise_multiplier
    except ImportError:
        raise UserError(
            "The noise of sampled DP-SGD is accounted for by Opacus, which is not installed: pip "
            "install 'structlab[privacy]'."
        ) from None
    with warnings.catch_warnings():
        # Of a first, rougher accountant that only bounds the search.
        warnings.filterwarnings("ignore", "Optimal order is the largest alpha")
        return get_noise_multiplier(
            target_epsilon=epsilon,
            target_delta=delta,
            sample_rate=sampling,
            steps=steps,
            accountant="prv",
        )
