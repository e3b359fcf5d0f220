"""Names of the methods and ablations that a task may ask for, and what they change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common.errors import InvalidInputError
from papers.sst.methods import NAMES, SST, Method
from papers.sst.models import DEFAULT, RANDOM
from papers.sst.sampling import MIXTURE, RULES

ABLATIONS: dict[str, dict[str, Any]] = {
    **{f"sst_{rule}": {"rule": rule} for rule in RULES if rule != MIXTURE},
    "sst_default_gradient": {"gradient": DEFAULT},
    "sst_random_start": {"start": RANDOM},
    "sst_no_re_svd": {"re_svd": False},
    # An ablation of the paper's: neither an SVD at the start nor one later.
    "sst_no_svd": {"start": RANDOM, "re_svd": False},
    "sst_active_values": {"all_singular_values": False},
}
PRESETS = (*NAMES, *ABLATIONS)


def method_of(name: str, base: Method) -> Method:
    """``base`` under this name.

    Args:
        name: of ``PRESETS``.
        base: rank, lengths of iterations and rounds.

    Raises:
        InvalidInputError: there is no such method.
    """
    if name in NAMES:
        return replace(base, name=name)
    if name in ABLATIONS:
        return replace(base, name=SST, **ABLATIONS[name])
    raise InvalidInputError(f"task.method={name!r}; allowed: {', '.join(PRESETS)}.")
