"""Errors over the steps, from the recorded runs (needs the extra ``plot``).

python -m papers.overparam_sensing.figures      # into results/figures/overparam_sensing
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from jaxtyping import Float

from common.figures import pyplot, save
from common.recorded import recorded_curves

RUNS = Path("results/runs/overparam_sensing.json")


def errors(
    runs: Path, task: str, setting: str
) -> dict[float, tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]]:
    """Steps and squared errors of the first seed, by "k" of symmetric or "a" of asymmetric.

    Raises:
        MissingDataError: C1 or C4 was not run.
    """
    claim = {"symmetric": "C1", "asymmetric": "C4"}[task]
    found = recorded_curves(
        runs, task, f"python -m common.ledger run overparam_sensing --claim {claim}"
    )
    curves = found[min(found)]
    return {
        float(match[1]): (np.array(curves[f"{name}_at"]), np.array(curve))
        for name, curve in curves.items()
        if (match := re.fullmatch(rf"error_{setting}([\d.]+)", name))
    }


def errors_figure(runs: Path, folder: Path) -> None:
    """Tied factors of several widths, and 1 / T^2; factors of their own from several starts."""
    figure, (tied, apart) = pyplot().subplots(1, 2, figsize=(10, 3.4), sharey=True)
    for width, (steps, values) in sorted(errors(runs, "symmetric", "k").items()):
        tied.loglog(steps[1:], values[1:], label=f"k = {width:g}")
    reach = np.array([100, 1e4])
    tied.loglog(reach, 1e3 / reach**2, "k:", label="falls like 1 / T^2")
    tied.set(title="X X^T, r = 3", ylabel="squared error")
    for alpha, (steps, values) in sorted(errors(runs, "asymmetric", "a").items(), reverse=True):
        apart.loglog(steps[1:], values[1:], label=f"alpha = {alpha:g}")
    apart.set(title="F G^T, r = 3, k = 5", ylim=(1e-26, 1e4))
    for axis in (tied, apart):
        axis.set_xlabel("steps T")
        axis.legend(frameon=False, fontsize=8)
    save(figure, folder, "errors", dpi=110)


def main(runs: Path = RUNS, folder: Path = Path("results/figures/overparam_sensing")) -> None:
    """Draw from the recorded runs."""
    errors_figure(runs, folder)


if __name__ == "__main__":
    main()
