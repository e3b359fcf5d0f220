"""The starts: where their eigenvalues lie and what they remember (needs the extra ``plot``).

python -m papers.s4d.figures      # into results/figures/s4d
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from common.figures import pyplot, save
from common.nn.hippo_basis import hippo_basis
from papers.s4d.models import spectrum

_SIZE = 64  # N
_KERNELS = 4
_TITLES = {
    "legs": "S4D-LegS",
    "inv": "S4D-Inv",
    "lin": "S4D-Lin",
    "inv2": "Inv2",
    "quad": "Quad",
    "random_imag": "random Im",
    "real": "S4D-Real",
}


def modes(name: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Stored eigenvalues and B of a start, slowest oscillation first, complex (size/2,)."""
    if name == "legs":
        start = hippo_basis("legs", size, low_rank=False)
        lam, B = start.lam, start.input_modal()
    else:
        torch.manual_seed(0)
        lam = spectrum(name, size)
        B = torch.ones_like(lam)
    order = np.lexsort((-lam.real.numpy(), lam.imag.numpy()))
    return lam.numpy()[order], B.numpy()[order]


def starts_figure(folder: Path) -> None:
    """Above: the stored half of each spectrum. Below: Re(exp(lam_n t) B_n)/|B_n| of the slowest."""
    plt = pyplot()
    figure, axes = plt.subplots(2, len(_TITLES), figsize=(14, 4.6), sharey="row")
    t = np.linspace(0, 5, 401)
    for (above, below), (name, title) in zip(axes.T, _TITLES.items(), strict=True):
        lam, B = modes(name, _SIZE)
        above.plot(lam.real, lam.imag, "o", ms=3, color="C0")
        above.set(title=title, xlim=(-34, 1.5), xlabel="Re A")
        above.set_yscale("symlog", linthresh=1)
        above.axvline(0, color="#bbbbbb", lw=0.8)
        for n in range(_KERNELS):
            phase = B[n] / abs(B[n])
            below.plot(t, (np.exp(lam[n] * t) * phase).real, lw=1, color=f"C{n}")
        below.set(xlabel="age t", ylim=(-1.05, 1.05))
    axes[0, 0].set_ylabel("Im A")
    axes[1, 0].set_ylabel("kernel of a mode")
    save(figure, folder, "starts", dpi=110)


def main(folder: Path = Path("results/figures/s4d")) -> None:
    """Draw from nothing but formulas and a seed."""
    starts_figure(folder)


if __name__ == "__main__":
    main()
