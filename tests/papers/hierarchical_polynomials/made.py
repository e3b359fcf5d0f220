"""Targets and networks of small sizes."""

from __future__ import annotations

import torch

from papers.hierarchical_polynomials.models import ThreeLayerNet, activation
from papers.hierarchical_polynomials.problems import Problem
from papers.hierarchical_polynomials.targets import Link, feature

LINK = Link((0.0, 1.0, 1.0))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(count: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, size, generator=generator(seed), dtype=torch.float64)


def problem(shape="balanced", size=8, degree=2, link=LINK, seed=0) -> Problem:
    return Problem(feature(shape, size, degree), link, size, seed, torch.device("cpu"))


def network(size=8, width=200, last=32, degree=2, seed=0, **others) -> ThreeLayerNet:
    return ThreeLayerNet(size, width, last, activation(degree), generator(seed), **others)
