"""Errors over the number of samples, from the recorded runs (needs the extra ``plot``).

python -m papers.hierarchical_polynomials.figures  # to results/figures/hierarchical_polynomials
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
from jaxtyping import Float

from common.figures import pyplot, save
from common.recorded import recorded
from papers.hierarchical_polynomials.closed_forms import kernel_floor
from papers.hierarchical_polynomials.targets import feature

RESULTS = Path("results/hierarchical_polynomials.csv")
LINES = {
    ("layerwise_training", "balanced"): "three layers, layer by layer",
    ("kernel_ridge", "gaussian"): "Gaussian kernel",
    ("kernel_ridge", "polynomial"): "polynomial kernel",
    ("kernel_ridge", "arc_cosine"): "arc-cosine kernel",
}
SIZE = 32


def errors(results: Path, task: str, variant: str) -> dict[int, Float[np.ndarray, " seeds"]]:
    """Relative errors by n.

    Raises:
        MissingDataError: H4 was not run.
    """
    runs = recorded(
        results, task, "python -m common.ledger run hierarchical_polynomials --claim H4"
    )
    found: dict[int, list[float]] = defaultdict(list)
    for (of, _), metrics in sorted(runs.items()):
        for name, value in metrics.items():
            if of == variant and (match := re.fullmatch(r"mse_n(\d+)", name)):
                found[int(match[1])].append(value)
    return {n: np.array(values) for n, values in sorted(found.items())}


def errors_figure(results: Path, folder: Path) -> None:
    """Medians over seeds, bands their range, and what a learner of degree 3 leaves."""
    figure, axis = pyplot().subplots(figsize=(5.5, 3.4))
    for number, ((task, variant), label) in enumerate(LINES.items()):
        found = errors(results, task, variant)
        middle, low, high = (
            [function(values) for values in found.values()] for function in (np.median, min, max)
        )
        axis.semilogx(list(found), middle, "o-", ms=3, base=2, color=f"C{number}", label=label)
        axis.fill_between(list(found), low, high, alpha=0.2, color=f"C{number}")
    axis.axhline(
        kernel_floor(feature("balanced", SIZE, 2)), ls=":", color="k", label="left to degree 3"
    )
    axis.set(title=f"balanced, d = {SIZE}", xlabel="samples n", ylabel="error / Var h")
    axis.legend(frameon=False, fontsize=8)
    save(figure, folder, "errors", dpi=110)


def main(
    results: Path = RESULTS, folder: Path = Path("results/figures/hierarchical_polynomials")
) -> None:
    """Draw from the table of results."""
    errors_figure(results, folder)


if __name__ == "__main__":
    main()
