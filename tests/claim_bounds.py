"""The numbers in a paper's claims, each with the word before it: a copy of them stands in a test,
so that no bound moves unseen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from common.experiment.paths import PAPERS

WORDS = (
    "at_least", "at_most", "above", "below", "within", "lies_above", "lies_below", "lies_within",
    "standard_errors", "is_at_least", "margin", "slack", "inversions", "relative", "absolute",
    "in_seeds", "at_least_of", "beyond",
)  # fmt: skip


def stated(paper: str, scale: str = "laptop") -> dict[str, list[str]]:
    """Claim id -> its bounds in the order of the file, as ``at_most 0.5``, or as
    ``median at_most 0.5`` where a statistic of the seeds is bound; bounds that are metrics by
    their name."""
    content = yaml.safe_load((PAPERS / paper / "claims.yaml").read_text())
    return {
        claim["id"]: [f"{word} {_shown(value)}" for word, value in _bounds(node["relation"])]
        for claim in content["claims"]
        if "relation" in (node := claim["checks"].get(scale, {}))
    }


def _bounds(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        of = f"{node['statistic']} " if "statistic" in node else ""
        for key, value in node.items():
            if key in WORDS:
                yield of + key, value
            else:
                yield from _bounds(value)
    elif isinstance(node, list):
        for item in node:
            yield from _bounds(item)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_shown, value))
    try:
        return f"{float(value):.12g}"
    except ValueError:
        return value
