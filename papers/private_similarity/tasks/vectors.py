"""Vectors that kernels are averaged over, images as rows of pixels in 0..1 or features of texts;
the bandwidth of the kernel tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from omegaconf import OmegaConf
from torch import Tensor

from common.data.catalogue import load
from common.errors import InvalidInputError
from common.experiment.context import RunContext, data_entry
from common.experiment.machine import device
from papers.private_similarity.kernels import squared_distances


@dataclass(frozen=True)
class Vectors:
    """Training rows to average over, test rows to ask with.

    Attributes:
        x: points.
        y: queries.
        bandwidth: root of the median squared distance between queries and points.
        entry: of the data set.
    """

    x: Float[Tensor, "n d"]
    y: Float[Tensor, "q d"]
    bandwidth: float
    entry: dict[str, Any]


def vectors(context: RunContext, n: int, queries: int) -> Vectors:
    """The first of both splits, float32.

    Raises:
        InvalidInputError: more than there are.
    """
    data = load(OmegaConf.to_object(context.config.task.dataset), context.data)
    splits = tuple(map(_rows, (data.train, data.test)))
    if n > len(splits[0]) or queries > len(splits[1]):
        raise InvalidInputError(
            f"{n} points and {queries} queries; the data set has {len(splits[0])} and "
            f"{len(splits[1])}."
        )
    x, y = (
        (part[:count].flatten(1).float() / (1 if part.is_floating_point() else 255)).to(
            device(context.config.trainer)
        )
        for part, count in zip(splits, (n, queries), strict=True)
    )
    return Vectors(x, y, median_distance(x, y), data_entry(data))


def _rows(split: Any) -> Tensor:
    """Images, as bytes; or features."""
    return torch.from_numpy(split.x) if hasattr(split, "x") else split.inputs


def median_distance(x: Float[Tensor, "n d"], y: Float[Tensor, "q d"]) -> float:
    """Root of the median squared distance of queries to the first 2,000 points."""
    return float(squared_distances(y, x[:2000]).median().sqrt())
