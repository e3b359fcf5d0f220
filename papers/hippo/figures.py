"""E5: the bases, and a signal rebuilt from the state as it arrives (needs the extra ``plot``).

python -m papers.hippo.figures      # into results/figures/hippo
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from common.figures import pyplot, save
from common.kernels.hippo import system
from papers.hippo.bases import MEASURES, basis_functions, weight
from papers.hippo.models import state_responses
from papers.hippo.signals import white_noise

_SHOWN = {"legs": (0, 1, 2, 3, 4), "legt": (0, 1, 2, 3, 4), "fout": (0, 2, 3, 4, 5)}
_TITLES = {"legs": "LegS", "legt": "LegT", "fout": "FouT", "lagt": "LagT"}
_SIZE = 64  # of the state


def bases_figure(folder: Path) -> None:
    """Kernels K_n(t) of finite systems (lines) over the functions p_n w they tend to (dotted)."""
    plt = pyplot()
    figure, axes = plt.subplots(1, len(MEASURES), figsize=(13, 3), sharex=True)
    t = torch.linspace(0, 4, 161, dtype=torch.float64)
    for axis, measure in zip(axes, MEASURES, strict=True):
        A, B = system(measure, _SIZE)
        # LegS has rows of size n^2: one exponential a time, its squaring would lose digits.
        K = torch.linalg.matrix_exp(t[:, None, None] * A) @ B
        limit = basis_functions(measure, _SIZE, t.numpy()) * weight(measure, t.numpy())[:, None]
        for colour, index in enumerate(_SHOWN.get(measure, (0, 1, 2, 3, 4))):
            axis.plot(t, K[:, index], color=f"C{colour}", lw=1.2)
            axis.plot(t, limit[:, index], color=f"C{colour}", lw=0.8, ls=":")
        axis.set(title=f"{_TITLES[measure]}, n = {_SIZE}", xlabel="age t")
    axes[0].set_ylabel("K_n(t)")
    save(figure, folder, "bases", dpi=110)


def reconstruction_figure(folder: Path, seed: int = 0, steps: int = 500) -> None:
    """One signal, and what the state of each measure says of its past at two moments.

    The step is 2/steps: the windows span the whole past at the end, LegS fades over half of it.
    """
    plt = pyplot()
    generator = torch.Generator().manual_seed(seed)
    signal = white_noise(1, 2 * steps, 1 / steps, 8.0, generator)[0]
    figure, axes = plt.subplots(2, len(MEASURES), figsize=(13, 4.2), sharex=True, sharey=True)
    for column, measure in enumerate(MEASURES):
        responses = state_responses(measure, _SIZE, 2 / steps, 2 * steps)
        for axis, now in zip(axes[:, column], (steps, 2 * steps), strict=True):
            state = responses[:, :now] @ signal[:now].flip(0)
            age = np.arange(min(now, 3 * steps // 2))
            # The value held over a step is best compared with its middle.
            p = basis_functions(measure, _SIZE, 2 / steps * (age + 0.5))
            axis.plot(np.arange(2 * steps) / steps, signal, color="#bbbbbb", lw=1)
            axis.plot((now - 1 - age) / steps, p @ state.numpy(), color="C3", lw=1)
            axis.axvline((now - 1) / steps, color="#888888", lw=0.8, ls=":")
        axes[0, column].set_title(_TITLES[measure])
        axes[1, column].set_xlabel("time, in windows")
    axes[0, 0].set_ylim(float(signal.min()) - 0.5, float(signal.max()) + 0.5)
    save(figure, folder, "online_reconstruction", dpi=110)


def main(folder: Path = Path("results/figures/hippo")) -> None:
    """Draw both, from nothing but the matrices and a seed."""
    bases_figure(folder)
    reconstruction_figure(folder)


if __name__ == "__main__":
    main()
