"""CIFAR-10 as rows of 3,072 numbers in 0..1, and the bandwidth of the kernel tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from omegaconf import OmegaConf
from torch import Tensor

from common.data.catalogue import load
from common.errors import InvalidInputError
from common.experiment.context import RunContext, data_entry
from common.experiment.machine import device
from papers.private_similarity.kernels import squared_distances


@dataclass(frozen=True)
class Pixels:
    """Training images to average over, test images to ask with.

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


def pixels(context: RunContext, n: int, queries: int) -> Pixels:
    """The first images of both splits, float32.

    Raises:
        InvalidInputError: more than there are.
    """
    data = load(OmegaConf.to_object(context.config.task.dataset), context.data)
    splits = (data.train.inputs, data.test.inputs)
    if n > len(splits[0]) or queries > len(splits[1]):
        raise InvalidInputError(
            f"{n} points and {queries} queries; the data set has {len(splits[0])} and "
            f"{len(splits[1])}."
        )
    x, y = (
        (part[:count].flatten(1).float() / 255).to(device(context.config.trainer))
        for part, count in zip(splits, (n, queries), strict=True)
    )
    return Pixels(x, y, median_distance(x, y), data_entry(data))


def median_distance(x: Float[Tensor, "n d"], y: Float[Tensor, "q d"]) -> float:
    """Root of the median squared distance of queries to the first 2,000 points."""
    return float(squared_distances(y, x[:2000]).median().sqrt())
