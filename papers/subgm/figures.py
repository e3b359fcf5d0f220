"""Phase diagram of robust recovery, from the recorded runs (needs the extra ``plot``).

python -m papers.subgm.figures      # into results/figures/subgm
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float

from common.figures import pyplot, save
from common.phase_diagram import draw_counts
from common.recorded import recorded

RESULTS = Path("results/subgm.csv")


def recovered(results: Path) -> tuple[Float[np.ndarray, "k m"], list[int], list[int]]:
    """Problems recovered by r' and m, of the first seed; and both settings.

    Raises:
        MissingDataError: C10 was not run.
    """
    runs = recorded(results, "samples", "python -m common.ledger run subgm --claim C10")
    counts: dict[tuple[int, int], float] = {}
    for name, value in runs[min(runs)].items():
        if found := re.fullmatch(r"recovered_k(\d+)_m(\d+)", name):
            counts[int(found[1]), int(found[2])] = value
    widths, measurements = (sorted({key[i] for key in counts}) for i in (0, 1))
    table = np.array([[counts[k, m] for m in measurements] for k in widths])
    return table, widths, measurements


def samples_figure(results: Path, folder: Path, problems: int = 5) -> None:
    """r' against m."""
    figure, axis = pyplot().subplots(figsize=(4.5, 2.6))
    table, widths, measurements = recovered(results)
    draw_counts(axis, table, widths, measurements, problems)
    axis.set(
        title=f"recovered of {problems}, a tenth outliers", xlabel="measurements m", ylabel="r'"
    )
    save(figure, folder, "samples", dpi=110)


def main(results: Path = RESULTS, folder: Path = Path("results/figures/subgm")) -> None:
    """Draw from the table of results."""
    samples_figure(results, folder)


if __name__ == "__main__":
    main()
