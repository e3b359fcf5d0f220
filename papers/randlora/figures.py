"""How near to full fine-tuning each block ends, from the recorded runs (needs the extra ``plot``).

python -m papers.randlora.figures      # into results/figures/randlora
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np

from common.figures import pyplot, save
from common.recorded import recorded

RESULTS = Path("results/randlora.csv")
METHODS = {"randlora": "RandLoRA", "lora": "LoRA"}
RATES = {"best": "rates by held-out loss", "middle": "middle rates", "low": "low rates"}
_BLOCKS = range(1, 7)


def alignments(results: Path) -> dict[tuple[str, str], np.ndarray]:
    """Linear CKA to full fine-tuning by rates and method, (seeds, blocks).

    Raises:
        MissingDataError: there is no such table, or no run of ``alignment`` in it.
    """
    runs = recorded(results, "alignment", "python -m common.ledger run randlora --claim R13")
    seeds: dict[tuple[str, str, int], dict[str, float]] = defaultdict(dict)
    for (variant, seed), metrics in runs.items():
        for name, value in metrics.items():
            method, _, block = name.partition("_cka_")
            if block.isdigit():
                seeds[variant, method, seed][block] = value
    found: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for (variant, method, _), blocks in sorted(seeds.items()):
        found[variant, method].append([blocks[str(block)] for block in _BLOCKS])
    return {key: np.array(rows) for key, rows in found.items()}


def alignment_figure(results: Path, folder: Path) -> None:
    """A panel for each choice of rates; lines are means, bands the range of the seeds."""
    plt = pyplot()
    values = alignments(results)
    figure, axes = plt.subplots(1, len(RATES), figsize=(10, 3.2), sharey=True)
    for axis, (rates, title) in zip(axes, RATES.items(), strict=True):
        for number, (method, label) in enumerate(METHODS.items()):
            rows = values[rates, method]
            axis.plot(_BLOCKS, rows.mean(0), "o-", ms=3, color=f"C{number}", label=label)
            axis.fill_between(_BLOCKS, rows.min(0), rows.max(0), alpha=0.2, color=f"C{number}")
        seeds = len(values[rates, "lora"])
        axis.set(title=f"{title}, {seeds} seed{'s' if seeds > 1 else ''}", xlabel="block")
    axes[0].set_ylabel("linear CKA to full fine-tuning")
    axes[0].legend(frameon=False)
    save(figure, folder, "alignment", dpi=110)


def main(results: Path = RESULTS, folder: Path = Path("results/figures/randlora")) -> None:
    """Draw from the table of results."""
    alignment_figure(results, folder)


if __name__ == "__main__":
    main()
