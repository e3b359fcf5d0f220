"""The numbers in a paper's claims, each with the word before it: a copy of them stands in a test,
so that no bound moves unseen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from common.experiment.paths import PAPERS

WORDS = (
    "at_least", "at_most", "above", "below", "within", "lies_above", "lies_below", "lies_within",
    "standard_errors", "is_at_least", "margin", "slack", "inversions", "relative", "absolute",
    "in_seeds", "at_least_of", "beyond",
)  # fmt: skip
# What is bound by naming it, in this order.
NAMING = ("order", "monotone", "equals", "medians_of")


def stated(paper: str, scale: str = "laptop") -> dict[str, list[str]]:
    """Claim id -> its bounds in the order of the file, as ``at_most 0.5``, or as
    ``median at_most 0.5`` where a statistic of the seeds is bound; bounds that are metrics by
    their name. Relations whose bound is the order of what they name are there with those names,
    less the folders they share: ``order sst/loss full/loss``, ``monotone falling n1 n2``,
    ``equals opt_125m 67.6``."""
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
            elif key in NAMING:
                word = f"{key} {node['direction']}" if "direction" in node else key
                yield word, _short(value)
            else:
                yield from _bounds(value)
    elif isinstance(node, list):
        for item in node:
            yield from _bounds(item)


def named(word: str, stem: str, values: Iterable[Any]) -> str:
    """``word`` with the names that a stem and several endings make."""
    return " ".join([word, *(f"{stem}{value}" for value in values)])


def _short(named: list[Any]) -> list[Any]:
    """Names without the folders that all of them share; numbers as they are."""
    folders = [name.split("/")[:-1] for name in named if isinstance(name, str)]
    shared = 0
    while all(len(f) > shared and f[shared] == folders[0][shared] for f in folders):
        shared += 1
    return ["/".join(name.split("/")[shared:]) if isinstance(name, str) else name for name in named]


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_shown, value))
    try:
        return f"{float(value):.12g}"
    except ValueError:
        return value
