"""Errors by the number of points and by the number of features, from the recorded runs (needs the
extra ``plot``).

python -m papers.private_similarity.figures  # to results/figures/private_similarity
"""

from __future__ import annotations

import re
from pathlib import Path

from common.figures import pyplot, save
from common.recorded import recorded

RESULTS = Path("results/private_similarity.csv")
MECHANISMS = {
    "tree_additive": "tree, additive part",
    "tree_geometric": "tree, geometric weights",
    "consistent": "tree, made consistent",
    "flat": "flat histogram",
    "grid": "grid of answers",
}


def by_points(results: Path, name: str, epsilon: str = "1") -> dict[int, float]:
    """Errors of a mechanism on a line over the exact sum, by n (C4).

    Raises:
        MissingDataError: C4 was not run.
    """
    return _by(results, "tree_against_grid", rf"{name}_n(\d+)_e{epsilon}", "C4", int)


def by_features(results: Path, n: int) -> dict[float, float]:
    """Errors of a kernel release by the number of features over I* (C9).

    Raises:
        MissingDataError: C9 was not run.
    """
    return _by(results, "kernel_noise", rf"error_n{n}_f(.+)", "C9", float)


def _by(results: Path, task: str, pattern: str, claim: str, kind: type) -> dict:
    command = f"python -m common.ledger run private_similarity --claim {claim}"
    metrics = recorded(results, task, command)["default", 0]
    matches = ((re.fullmatch(pattern, name), value) for name, value in metrics.items())
    return dict(sorted((kind(match[1]), value) for match, value in matches if match))


def errors_figure(results: Path, folder: Path) -> None:
    """Both, side by side."""
    figure, (line, features) = pyplot().subplots(1, 2, figsize=(9, 3.4))
    for name, label in MECHANISMS.items():
        found = by_points(results, name)
        line.loglog(list(found), list(found.values()), "o-", ms=3, label=label)
    line.set(title="l1 sums on a line, $\\epsilon$ = 1", xlabel="points n", ylabel="error / sum")
    line.legend(frameon=False, fontsize=7)
    for n in (1000, 3000, 10_000):
        found = by_features(results, n)
        features.loglog(list(found), list(found.values()), "o-", ms=3, base=2, label=f"n = {n:,}")
    features.set(title="average kernels", xlabel="features / I*", ylabel="root mean square error")
    features.legend(frameon=False, fontsize=7)
    figure.tight_layout()
    save(figure, folder, "errors", dpi=110)


def main(
    results: Path = RESULTS, folder: Path = Path("results/figures/private_similarity")
) -> None:
    """Draw from the table of results."""
    errors_figure(results, folder)


if __name__ == "__main__":
    main()
