"""Methods beside which a paper's is judged, by the names that a configuration gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from common.compression.allocation import UNIFORM
from common.compression.compress import Method
from common.compression.methods import MagnitudePruning, Rounding, TruncatedSVD
from common.compression.tuning import Tuning
from common.errors import InvalidInputError

SMALL_DENSE = "small_dense"
CONTROLS: dict[str, Callable[[], Method]] = {
    "svd": TruncatedSVD,
    "svd_spatial": lambda: TruncatedSVD(form="spatial"),
    "svd_uniform": lambda: TruncatedSVD(rule=UNIFORM),
    "pruning": MagnitudePruning,
    "int8": lambda: Rounding(8),
    "int4": lambda: Rounding(4),
    "int4_groups": lambda: Rounding(4, group=16),
}


def method_named(
    name: str, own: Mapping[str, Callable[[Tuning], Method]], tuning: Tuning
) -> Method:
    """Raises InvalidInputError for a name that is none."""
    if name in own:
        return own[name](tuning)
    if name not in CONTROLS:
        allowed = ", ".join((*own, SMALL_DENSE, *CONTROLS))
        raise InvalidInputError(f"task.method={name!r}; allowed: {allowed}.")
    return CONTROLS[name]()
