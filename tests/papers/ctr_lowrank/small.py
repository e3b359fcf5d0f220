"""Small models and rows for the tests of this paper."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from common.data.ctr_split import CtrData, CtrSplit
from papers.ctr_lowrank.models.ctr import build_dense

VOCABULARIES = (7, 30, 4, 12)
NUMBERS = 3


def config(name="deepfm", **changes):
    sizes = {
        "dim": 6, "hidden": [12, 10, 8], "mlp_std": None, "cross": 2, "attention": 2, "heads": 2,
        "reduction": 3, "cin": [4, 3],
    }  # fmt: skip
    return SimpleNamespace(name=name, **(sizes | changes))


def model(name="deepfm", numbers=NUMBERS, scale=0.5, **changes):
    """With embeddings of a size at which all branches matter."""
    made = build_dense(config(name, **changes), VOCABULARIES, numbers)
    torch.nn.init.normal_(made.tables.weight, std=scale)
    torch.nn.init.normal_(made.linear.ids.weight, std=scale)
    return made


def rows(n=200, numbers=NUMBERS, seed=0):
    """Ids with a heavy head, and numbers."""
    generator = torch.Generator().manual_seed(seed)
    ids = [(torch.rand(n, generator=generator) ** 2 * size).long() for size in VOCABULARIES]
    return torch.stack(ids, 1), torch.rand(n, numbers, generator=generator)


def data(n=256, seed=0):
    """Three splits whose clicks depend on the first field."""
    ids, dense = rows(3 * n, seed=seed)
    generator = torch.Generator().manual_seed(seed + 1)
    targets = (torch.rand(3 * n, generator=generator) < torch.sigmoid(ids[:, 0] - 2.0)).float()
    parts = [CtrSplit(ids[k::3].int(), dense[k::3].contiguous(), targets[k::3]) for k in range(3)]
    return CtrData(
        "made", ("a", "b", "c", "d"), VOCABULARIES, ("x", "y", "z"), *parts, False, "made", "", ""
    )
