"""Phase diagram of completion, from the recorded runs (needs the extra ``plot``).

python -m papers.altmin_completion.figures      # into results/figures/altmin_completion
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float

from common.figures import pyplot, save
from common.phase_diagram import draw_counts
from common.recorded import recorded

RESULTS = Path("results/altmin_completion.csv")
WAYS = {"": "exact half rounds", "cg2_": "two warm steps"}


def completed(
    results: Path, way: str
) -> tuple[Float[np.ndarray, "n c"], list[int], list[float], int]:
    """Problems completed by n and c, over all seeds; both settings; and the number of seeds.

    Raises:
        MissingDataError: C10 was not run.
    """
    command = "python -m common.ledger run altmin_completion --claim C10"
    runs = recorded(results, "frontier", command).values()
    counts: dict[tuple[int, float], float] = {}
    for metrics in runs:
        for name, value in metrics.items():
            if found := re.fullmatch(rf"completed_{way}n(\d+)_c([\d.]+)", name):
                key = int(found[1]), float(found[2])
                counts[key] = counts.get(key, 0.0) + value
    sizes, factors = (sorted({key[i] for key in counts}) for i in (0, 1))
    table = np.array([[counts[size, factor] for factor in factors] for size in sizes])
    return table, sizes, factors, len(runs)


def frontier_figure(results: Path, folder: Path, problems: int = 5) -> None:
    """A panel each for exact half rounds and two warm steps."""
    figure, axes = pyplot().subplots(1, len(WAYS), figsize=(9, 2.6))
    for axis, (way, title) in zip(axes, WAYS.items(), strict=True):
        table, sizes, factors, seeds = completed(results, way)
        draw_counts(axis, table, sizes, factors, problems * seeds)
        axis.set(title=f"{title}: completed of {problems * seeds}", xlabel="c, p = c k / n")
    axes[0].set_ylabel("n")
    save(figure, folder, "frontier", dpi=110)


def main(results: Path = RESULTS, folder: Path = Path("results/figures/altmin_completion")) -> None:
    """Draw from the table of results."""
    frontier_figure(results, folder)


if __name__ == "__main__":
    main()
