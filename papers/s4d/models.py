"""Diagonal state spaces and how to start them (Gu et al., NeurIPS 2022).

    x' = A x + B u,  y = 2 Re(C x):    K_l = 2 Re sum_n C_n B_bar_n A_bar_n^l,    A diagonal

The kernel takes two lines (:func:`kernel`); what matters is where A starts. One of each conjugate
pair is stored, n = 0 .. N/2 - 1:

    legs          eigenvalues of A_perp = A_H + p p^T, B = V* B_H / 2: HiPPO but for rank one
    inv           -1/2 + i (N/pi) (N/(2n+1) - 1): the leading order of legs
    lin           -1/2 + i pi n
    inv2          -1/2 + i (N/pi) (N/(n+1) - 1)
    quad          -1/2 + i (2n+1)^2 / pi
    real          -(n+1): the eigenvalues of A_H itself
    random_imag   -1/2 + i exp(N(0, 1)), as all random starts drawn for each copy of a layer
    uniform_imag  -1/2 + i U[0, N/2]
    legs_spectrum as legs, with B = 1: DSS
    foud          -1/2 + 2 pi i n, B = 1, sqrt 2, sqrt 2, ...: Fourier without its rank-one part

``legs`` with its rank-one part kept is S4, the baseline.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from jaxtyping import Complex, Float
from omegaconf import DictConfig
from torch import Tensor, nn

from common.data.sequence import SequenceData
from common.errors import InvalidInputError
from common.nn.assemble import sequence_classifier
from common.nn.hippo_basis import hippo_basis
from common.nn.modal import ModalBasis, diagonal_basis
from common.nn.s4 import S4
from common.nn.s4_model import s4_layer
from papers.s4d.dss import DSS

Spectrum = Complex[Tensor, " pairs"]


def _line(n: Tensor, imag: Tensor) -> Spectrum:
    return torch.complex(torch.full_like(n, -0.5), imag)


SPECTRA: dict[str, Callable[[Float[Tensor, " pairs"], int], Spectrum]] = {
    "legs_spectrum": lambda n, N: hippo_basis("legs", N, low_rank=False).lam,
    "inv": lambda n, N: _line(n, N / math.pi * (N / (2 * n + 1) - 1)),
    "lin": lambda n, N: _line(n, math.pi * n),
    "inv2": lambda n, N: _line(n, N / math.pi * (N / (n + 1) - 1)),
    "quad": lambda n, N: _line(n, (2 * n + 1) ** 2 / math.pi),
    "real": lambda n, N: torch.complex(-(n + 1), torch.zeros_like(n)),
    "random_imag": lambda n, N: _line(n, torch.randn_like(n).exp()),
    "uniform_imag": lambda n, N: _line(n, torch.rand_like(n) * N / 2),
    "foud": lambda n, N: _line(n, 2 * math.pi * n),
}
INITIALISERS = ("legs", *SPECTRA)
RANDOM = ("random_imag", "uniform_imag")
INPUTS: dict[str, Callable[[int], Spectrum]] = {
    "one": lambda m: torch.ones(m, dtype=torch.complex128),
    "normal": lambda m: torch.randn(m, dtype=torch.complex128),
    "alternating": lambda m: torch.polar(_ones(m), math.pi * _index(m)),
    "unit_clockwise": lambda m: torch.polar(_ones(m), -2 * math.pi / m * _index(m)),
    "unit_anticlockwise": lambda m: torch.polar(_ones(m), 2 * math.pi / m * _index(m)),
}


def _index(m: int) -> Float[Tensor, " {m}"]:
    return torch.arange(m, dtype=torch.float64)


def _ones(m: int) -> Float[Tensor, " {m}"]:
    return torch.ones(m, dtype=torch.float64)


def kernel(
    A: Complex[Tensor, "channel state"],
    B: Complex[Tensor, "channel state"],
    C: Complex[Tensor, "channel state"],
    step: Float[Tensor, "channel 1"],
    length: int,
) -> Float[Tensor, "channel {length}"]:
    """The convolution kernel under a zero-order hold, in the two lines of the paper.

    They hold the (channel, state, length) array; layers use ``common.kernels.s4d``, which does not.
    """
    vandermonde = torch.exp(step[..., None] * A[..., None] * torch.arange(length))
    return 2 * torch.einsum("hn,hnl->hl", C * B * (torch.exp(step * A) - 1) / A, vandermonde).real


def spectrum(name: str, N: int) -> Spectrum:
    """The N/2 stored eigenvalues of a named start, complex128.

    Raises:
        InvalidInputError: the name is unknown or N is not a positive even number.
    """
    if N < 2 or N % 2:
        raise InvalidInputError(f"state_size={N}; needed is an even number: pairs are stored.")
    if name not in SPECTRA:
        raise InvalidInputError(f"initialiser={name!r}; allowed: {', '.join(INITIALISERS)}.")
    return SPECTRA[name](_index(N // 2), N)


def basis(model: DictConfig) -> ModalBasis:
    """The start that the configuration asks for.

    Raises:
        InvalidInputError: an option is unknown or does not go with the initialiser.
    """
    N = model.state_size
    if model.initialiser == "legs":
        if (model.imag_scale, model.random_real, model.b_init) != (1.0, False, "default"):
            raise InvalidInputError(
                "imag_scale, random_real and b_init change the closed-form starts; legs has its "
                f"own. Allowed with them: {', '.join(SPECTRA)}."
            )
        return hippo_basis("legs", N, low_rank=model.low_rank, B_clip=model.B_clip)
    if model.low_rank or model.B_clip is not None:
        raise InvalidInputError(
            f"initialiser={model.initialiser!r} has neither a low-rank part nor a B to clip."
        )
    lam = spectrum(model.initialiser, N)
    real = -torch.rand_like(lam.real) if model.random_real else lam.real
    lam = torch.complex(real, model.imag_scale * lam.imag)
    return diagonal_basis(lam, _input(model.b_init, model.initialiser, len(lam)))


def _input(name: str, initialiser: str, m: int) -> Spectrum:
    if name == "default":
        B = INPUTS["one"](m)
        if initialiser == "foud":
            B[1:] *= 2**0.5
        return B
    if name not in INPUTS:
        raise InvalidInputError(f"b_init={name!r}; allowed: default, {', '.join(INPUTS)}.")
    return INPUTS[name](m)


def bases(model: DictConfig) -> list[ModalBasis]:
    """The starts of a layer: a draw for each copy of a random one, else one for all.

    Raises:
        InvalidInputError: see :func:`basis`.
    """
    drawn = model.initialiser in RANDOM or model.random_real or model.b_init == "normal"
    return [basis(model) for _ in range((model.n_ssm or model.d_model) if drawn else 1)]


def layer(model: DictConfig) -> S4:
    """One layer: S4D, S4 for a start with a low-rank part, or DSS's softmax kernel.

    Raises:
        InvalidInputError: an option does not go with another.
    """
    if not model.softmax:
        return s4_layer(model, bases(model))
    given = (model.low_rank, model.dt_per_state, model.input_matrix, model.discretisation)
    if given != (False, False, "folded", "zoh"):
        raise InvalidInputError(
            "softmax=true has a kernel of its own; allowed with it: low_rank=false, "
            "dt_per_state=false, input_matrix=folded, discretisation=zoh."
        )
    return DSS(
        bases(model),
        model.d_model,
        bidirectional=model.bidirectional,
        dt_min=model.dt_min,
        dt_max=model.dt_max,
        feedthrough=model.feedthrough,
        n_ssm=model.n_ssm or model.d_model,
        c_init="complex_normal",
        frozen=tuple(model.frozen),
        real_transform=model.real_transform,
        imag_transform=model.imag_transform,
        dt_transform=model.dt_transform,
    )


def build(model: DictConfig, data: SequenceData) -> nn.Module:
    """The classifier (or regressor) that the configuration describes, for this data set."""
    return sequence_classifier(model, data, lambda: layer(model), final_norm=True)
