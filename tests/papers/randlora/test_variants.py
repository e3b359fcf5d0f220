"""RandLoRA-a and NoLA by their formulas, and as adapters."""

from __future__ import annotations

import math

import pytest
import torch

from common.adapters.sites import site
from papers.randlora.variants import NoLAMethod, SummedMethod
from tests.adapters.models import stir
from tests.adapters.plain_contract import PlainContract


@pytest.mark.slow
class TestSummed(PlainContract):
    method = SummedMethod(rank=3)

    def numbers(self, shape):
        return math.ceil(min(shape) / 3) * (3 + min(shape))


class TestNoLA(PlainContract):
    method = NoLAMethod(number=20, rank=2)

    def numbers(self, shape):
        return 40


def built(method, rows, columns):
    place = site("layer", torch.nn.Linear(columns, rows))
    adapter = method.build(place, method.shared({"layer": place}), 0)
    stir([adapter])
    return adapter


def test_the_summed_update():
    adapter = built(SummedMethod(rank=2, alpha=4.0), 7, 5)
    bases = adapter.bases
    left = sum(bases.long[:, j] * adapter.lam[j] for j in range(3))
    right = sum(bases.short[j] * adapter.gam[j] for j in range(3))
    torch.testing.assert_close(adapter.change(), 2.0 * left @ right)
    assert torch.linalg.matrix_rank(adapter.change().double(), rtol=1e-6) == 2


def test_nola():
    adapter = built(NoLAMethod(number=6, rank=2, alpha=2.0), 7, 5)
    left = sum(a * b.view(7, 2) for a, b in zip(adapter.a, adapter.pool.long, strict=True))
    right = sum(a * b.view(2, 5) for a, b in zip(adapter.b, adapter.pool.short, strict=True))
    torch.testing.assert_close(adapter.change(), left @ right)
