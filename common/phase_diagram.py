"""Counts of problems solved over two settings, as a map (needs the extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float


def draw_counts(
    axis,
    counts: Float[np.ndarray, "rows columns"],
    rows: Sequence[float],
    columns: Sequence[float],
    most: float,
) -> None:
    """A cell a pair of settings, its count written in it; NaN stays empty.

    Args:
        axis: of matplotlib.
        rows: settings from the bottom up.
        columns: from left to right.
        most: of a count.
    """
    axis.imshow(counts, origin="lower", aspect="auto", vmin=0, vmax=most, cmap="Blues")
    axis.set_xticks(range(len(columns)), [f"{value:g}" for value in columns])
    axis.set_yticks(range(len(rows)), [f"{value:g}" for value in rows])
    for (row, column), count in np.ndenumerate(counts):
        if np.isfinite(count):
            colour = "white" if count > most / 2 else "black"
            axis.text(column, row, f"{count:g}", ha="center", va="center", color=colour, size=8)
