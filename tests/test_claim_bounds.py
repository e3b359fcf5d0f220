"""What the copies of bounds see: also relations that bind by naming metrics in an order."""

from __future__ import annotations

import pytest
import yaml

from tests import claim_bounds
from tests.claim_bounds import named, stated

RELATION = """
all:
  - {metric: t/a/x, statistic: median, at_most: 3}
  - {order: [t/a/x, t/b/x], margin: 1}
  - {monotone: [t/a/n1, t/a/n2], direction: falling}
  - {equals: [t/a/rank, 19], absolute: 0.1}
  - {medians_of: [t/a/x, u/a/x], above: 0}
"""
WANTED = [
    "median at_most 3",
    "order a/x b/x",
    "margin 1",
    "monotone falling n1 n2",
    "equals rank 19",
    "absolute 0.1",
    "medians_of t/a/x u/a/x",
    "above 0",
]


def found(relation, tmp_path, monkeypatch) -> list[str]:
    claim = {"id": "A", "checks": {"laptop": {"relation": relation}}}
    (tmp_path / "some").mkdir(exist_ok=True)
    (tmp_path / "some" / "claims.yaml").write_text(yaml.safe_dump({"claims": [claim]}))
    monkeypatch.setattr(claim_bounds, "PAPERS", tmp_path)
    return stated("some")["A"]


def test_every_relation_is_seen(tmp_path, monkeypatch):
    assert sorted(found(yaml.safe_load(RELATION), tmp_path, monkeypatch)) == sorted(WANTED)


@pytest.mark.parametrize("place", [1, 2, 3, 4])
def test_turning_one_round_is_seen(place, tmp_path, monkeypatch):
    relation = yaml.safe_load(RELATION)
    key = next(
        k for k in ("order", "monotone", "equals", "medians_of") if k in relation["all"][place]
    )
    relation["all"][place][key].reverse()
    assert sorted(found(relation, tmp_path, monkeypatch)) != sorted(WANTED)


def test_names_of_a_stem():
    assert named("order", "x_g", (2, 4)) == "order x_g2 x_g4"
