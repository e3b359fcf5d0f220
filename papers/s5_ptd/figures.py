"""The paper's figures from our own numbers, as PNG and SVG (needs the extra ``plot``).

python -m papers.s5_ptd.figures      # robustness bars from results/s5_ptd.json
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from common.figures import pyplot, save
from common.kernels.hippo import legs
from common.kernels.transfer import spike_frequency, transfer_function
from papers.s5_ptd.models import dense_system, ginibre
from papers.s5_ptd.ptd import PTDResult

RATIO = 0.005  # ||E|| / ||A_H|| of the perturbed curves
_COLOURS = {
    "hippo_dense": "#222222",
    "diag": "#c0392b",
    "diag_clip2": "#e6b0aa",
    "ptd": "#2471a3",
    "rand": "#8e8e8e",
}
_LABELS = {
    "hippo_dense": "HiPPO (S4)",
    "diag": "diag (S4D, S5)",
    "diag_clip2": "diag, B clipped",
    "ptd": f"PTD, ratio {RATIO}",
    "rand": f"Ginibre, ratio {RATIO}",
}


def transfer_figure(folder: Path, perturbations: dict[int, Tensor], points: int = 4000) -> None:
    """|G(iw)| of every start for C = e_0: the spikes of the normal part, and E of two kinds."""
    plt = pyplot()
    figure, axes = plt.subplots(
        1, len(perturbations), figsize=(4.2 * len(perturbations), 3.4), squeeze=False
    )
    for axis, (n, E) in zip(axes[0], perturbations.items(), strict=True):
        C, last = torch.eye(n, dtype=torch.float64)[0], spike_frequency(n)
        w = torch.cat(
            [
                torch.logspace(-1, math.log10(5 * last), points, dtype=torch.float64),
                torch.linspace(0.98 * last, 1.02 * last, points, dtype=torch.float64),
            ]
        )
        w = w.sort().values
        norm = RATIO * float(torch.linalg.matrix_norm(legs(n)[0], 2))
        small = E * (norm / torch.linalg.matrix_norm(E, 2))
        for name, perturbation in {
            "diag_clip2": None,
            "diag": None,
            "rand": ginibre(n, norm, seed=0),
            "ptd": small,
            "hippo_dense": None,
        }.items():
            A, B = dense_system(name, n, perturbation)
            G = transfer_function(A, B, C, 0.0, 1j * w)
            axis.loglog(w, G.abs(), color=_COLOURS[name], lw=1.1, label=_LABELS[name])
        axis.axvline(last, color="#bbbbbb", lw=0.8, ls=":")
        axis.set(title=f"n = {n}, last spike at {last:.1f}", xlabel="frequency w")
    axes[0][0].set_ylabel("|G(iw)|, C = e_0")
    axes[0][0].legend(fontsize=7)
    save(figure, folder, "transfer_functions")


def kappa_figure(
    folder: Path,
    ratios: list[float],
    path: list[PTDResult],
    random: dict[bool, list[PTDResult]],
    optimised: PTDResult,
) -> None:
    """Condition number of the eigenvectors against the size of the perturbation."""
    plt = pyplot()
    figure, axis = plt.subplots(figsize=(4.6, 3.4))
    n = len(path[0].lam)
    axis.loglog(ratios, [s.kappa for s in path], "o-", color=_COLOURS["ptd"], label=f"PTD, n = {n}")
    m = len(optimised.lam)
    axis.loglog(
        [optimised.ratio], [optimised.kappa], "s", color=_COLOURS["ptd"], label=f"PTD, n = {m}"
    )
    for real, marker in ((False, "x"), (True, "+")):
        kind = "real" if real else "complex"
        axis.loglog(
            [s.ratio for s in random[real]],
            [s.kappa for s in random[real]],
            marker,
            color=_COLOURS["rand"],
            label=f"{kind} Ginibre, n = {m}",
        )
    axis.set(xlabel="||E|| / ||A_H||", ylabel="kappa(V)")
    axis.legend(fontsize=8)
    save(figure, folder, "kappa_against_ratio")


def robustness_figure(folder: Path, variants: dict[str, dict[str, Any]]) -> None:
    """Accuracy clean and under noise at each frequency, one group of bars a model."""
    plt = pyplot()
    figure, axis = plt.subplots(figsize=(6.4, 3.4))
    names = sorted(variants)
    noisy = [k for k in variants[names[0]] if k.startswith("accuracy_noise_")]
    conditions = ["accuracy", *sorted(noisy, key=lambda k: float(k.rpartition("_")[2]))]
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        means = [variants[name][c]["mean"] for c in conditions]
        errors = [variants[name][c].get("std", 0) for c in conditions]
        at = [j + i * width for j in range(len(conditions))]
        axis.bar(at, means, width, yerr=errors, label=name, capsize=2)
    labels = ["clean"] + [c.rpartition("_")[2] for c in conditions[1:]]
    axis.set_xticks(
        [j + 0.4 - width / 2 for j in range(len(conditions))], labels, rotation=60, fontsize=7
    )
    axis.set(xlabel="noise frequency", ylabel="accuracy, %")
    axis.legend(
        fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1), ncol=len(names), frameon=False
    )
    save(figure, folder, "robustness")


def main(results: Path = Path("results/s5_ptd.json")) -> None:
    """Draw what needs several runs, from the committed results."""
    if not results.is_file():
        sys.exit(f"{results} does not exist; run `python -m common.ledger collect s5_ptd` first.")
    content = json.loads(results.read_text())
    variants = content.get("fourier_noise", {}).get("laptop", {})
    if not variants:
        sys.exit(f"{results} holds no laptop runs of fourier_noise yet.")
    robustness_figure(results.parent / "figures" / "s5_ptd", variants)


if __name__ == "__main__":
    main()
