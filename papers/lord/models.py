"""LORD: a linear layer in two, of the rank of its OUTPUTS on the data at hand, in one shot.

A layer y = W x + b is replaced by W2 (W1 x) + b2 with

    W1 = Q^T W,    W2 = Q,    b2 = mu + Q Q^T (b - mu),

Q the r leading eigenvectors of the covariance of y, mu its mean (atomic feature mimicking, Yu and
Wu 2023; ``common.compression.features``). The statistics of all layers come from one pass of the
intact model; nothing is trained, and no layer is calibrated anew after others were replaced.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor, nn

from common.compression import capture, layers
from common.compression.capture import Keep
from common.compression.factorised import LowRankLinear
from common.compression.features import FeatureBasis
from common.compression.forms import LINEAR
from common.compression.moments import Moments
from common.compression.truncation import Factors
from common.errors import InvalidInputError

AFM, UNCENTRED, SVD = "afm", "afm_uncentred", "svd"
METHODS = (AFM, UNCENTRED, SVD)
# Of statistics and bases that are held at a time: those of one MLP of width 6144 take 10 GiB.
MEMORY = 16 * 2**30


class Decomposition(Protocol):
    """A layer that can be had at any rank; the costly part is done once."""

    @property
    def spectrum(self) -> Float[Tensor, " r"]:
        """What each component is worth, descending; squares add up."""

    def at(self, rank: int) -> LowRankLinear:
        """The layer of this rank."""


@dataclass(frozen=True)
class AtomicFeatures:
    """The layer in the basis of its own outputs.

    Args:
        layer: y = W x + b.
        moments: of y.
        centred: around the mean of y; without, the second moment takes the covariance's place and
            the mean is lost: a control.
    """

    layer: nn.Linear
    moments: Moments
    centred: bool = True

    @cached_property
    def basis(self) -> FeatureBasis:
        """Eigenvectors and eigenvalues of all outputs, float64."""
        return FeatureBasis.of(self.moments, centred=self.centred)

    @property
    def spectrum(self) -> Float[Tensor, " r"]:
        return self.basis.values.sqrt()

    def at(self, rank: int) -> LowRankLinear:
        """Its mean squared error on the statistics is the sum of the eigenvalues from ``rank`` on.

        Raises:
            InvalidInputError: the rank is out of range.
        """
        _check_rank(rank, self.layer)
        weight, bias = self.layer.weight.detach(), self.layer.bias
        return LowRankLinear(*self.basis.factors(weight, bias, rank))


@dataclass(frozen=True)
class TruncatedWeight:
    """The best approximation of the weight, blind to data: the control."""

    layer: nn.Linear

    @cached_property
    def factors(self) -> Factors:
        """Singular value decomposition of the weight."""
        return LINEAR.factors(self.layer)

    @property
    def spectrum(self) -> Float[Tensor, " r"]:
        return self.factors.S

    def at(self, rank: int) -> LowRankLinear:
        """Raises InvalidInputError if the rank is out of range."""
        _check_rank(rank, self.layer)
        return LINEAR.build(self.factors.to_rank(rank), self.layer)


def decompositions(
    model: nn.Module,
    targets: Mapping[str, nn.Linear],
    batches: Iterable[Any],
    method: str = AFM,
    keep: Keep | None = None,
) -> dict[str, Decomposition]:
    """Every target decomposed by one method, statistics of all from one pass of the intact model.

    Args:
        model: holds the targets.
        targets: layers by name, see :func:`linear_layers`.
        batches: calibration inputs, packed: without padding or special tokens, or ``keep`` has to
            leave those out.
        method: ``afm``, ``afm_uncentred`` or ``svd`` (which reads no batch).
        keep: see ``capture.output_moments``.

    Raises:
        InvalidInputError: an unknown method, no batch, or values that are not finite.
    """
    if method not in METHODS:
        raise InvalidInputError(f"method={method!r}; allowed: {', '.join(METHODS)}.")
    if method == SVD:
        return {name: TruncatedWeight(layer) for name, layer in targets.items()}
    found = capture.output_moments(model, targets, batches, keep)
    return of_moments(targets, found, method)


def of_moments(
    targets: Mapping[str, nn.Linear], moments: Mapping[str, Moments], method: str = AFM
) -> dict[str, Decomposition]:
    """The same, from statistics that are there already."""
    if method == SVD:
        return {name: TruncatedWeight(layer) for name, layer in targets.items()}
    return {
        name: AtomicFeatures(layer, moments[name], method == AFM) for name, layer in targets.items()
    }


def low_rank(
    model: nn.Module, parts: Mapping[str, Decomposition], ranks: Mapping[str, int]
) -> nn.Module:
    """A copy of the model with the named layers at their ranks, all replaced at once."""
    small = copy.deepcopy(model)
    for name, rank in ranks.items():
        layers.replace(small, name, parts[name].at(rank))
    return small


def low_rank_in_groups(
    model: nn.Module,
    targets: Mapping[str, nn.Linear],
    ranks: Mapping[str, int],
    batches: Iterable[Any],
    memory: int = MEMORY,
) -> nn.Module:
    """A copy with these layers at their ranks by AFM, the statistics of some layers at a time.

    Every pass is of the intact model: the result is that of one pass for all of them.

    Args:
        memory: bytes for the statistics and bases of a group; a layer that needs more is alone.
    """
    batches, small = list(batches), copy.deepcopy(model)
    for names in groups(targets, memory):
        parts = decompositions(model, {name: targets[name] for name in names}, batches)
        for name in names:
            layers.replace(small, name, parts.pop(name).at(ranks[name]))
    return small


def groups(targets: Mapping[str, nn.Linear], memory: int) -> list[list[str]]:
    """Neighbours whose moments and eigenvectors, two float64 matrices of the outputs each, fit."""
    found: list[list[str]] = []
    left = 0
    for name, layer in targets.items():
        needed = 2 * 8 * layer.weight.shape[0] ** 2
        if not found or needed > left:
            found.append([])
            left = memory
        found[-1].append(name)
        left -= needed
    return found


@torch.no_grad()
def sequentially_low_rank(
    model: nn.Module,
    targets: Mapping[str, nn.Linear],
    ranks: Mapping[str, int],
    batches: Iterable[Any],
    method: str = AFM,
) -> nn.Module:
    """A copy whose layers are replaced one after the other, in the order of ``targets``, each from
    statistics of the model as it is by then; a pass a layer. The paper does not do this."""
    batches = list(batches)
    small = copy.deepcopy(model)
    for name in targets:
        if name in ranks:
            layer = {name: small.get_submodule(name)}
            part = decompositions(small, layer, batches, method)[name]
            layers.replace(small, name, part.at(ranks[name]))
    return small


def linear_layers(model: nn.Module, exclude: Iterable[str] = ()) -> dict[str, nn.Linear]:
    """Those that may be factorised: every linear layer that shares no weight with another (a head
    tied to the embedding does)."""
    tied = layers.tied(model)
    found = layers.select(model, (nn.Linear,), exclude=exclude)
    return {name: layer for name, layer in found.items() if name not in tied}


def _check_rank(rank: int, layer: nn.Linear) -> None:
    most = min(layer.weight.shape)
    if not 0 <= rank <= most:
        raise InvalidInputError(f"rank={rank}; allowed for this layer: 0 to {most}.")
