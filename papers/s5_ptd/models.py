"""Perturb-then-diagonalise, as initialisers of S4 and S5 layers (Yu et al., ICLR 2024).

HiPPO-LegS (A_H, B_H) cannot be diagonalised numerically. Ways to start a state space from it, all
sharing the C of the HiPPO basis:

    hippo_dense  (A_H, B_H), never diagonalised: the reference
    dplr         A_H = V diag(lam) V* - p p^T                      S4
    diag         (A_H + p p^T, B_H / 2), V unitary                 S4D-LegS, S5: weak convergence
    diag_clip2   the same with B_H, Im(V* B_H) clipped             S4D-LegS as coded
    ptd          (A_H + E, B_H), E small and optimised             this paper: strong convergence
    rand         (A_H + E, B_H), E Ginibre of the same norm        control

Only the initialisation differs; the layer, its cost and its parameter count do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from omegaconf import DictConfig
from torch import Tensor, nn

from common.data.sequence import SequenceData
from common.errors import InvalidInputError
from common.kernels.hippo import diagonalise_normal, legs, legs_low_rank, legs_normal
from common.nn.assemble import sequence_classifier
from common.nn.initialisers import flax_dense_
from common.nn.modal import ModalBasis, halve
from common.nn.s4 import S4
from common.nn.s5 import S5
from papers.s5_ptd.ptd import PTDResult, check_ratio, decompose, ptd_for_ratio

INITIALISERS = ("ptd", "diag", "diag_clip2", "dplr", "rand")  # of layers
TRAINABLE = ("all", "c_only")  # of S4 layers
SYSTEMS = ("hippo_dense", *INITIALISERS)
EXACT_UP_TO = 2  # A_H of this size is diagonalisable as it is: kappa 3.73, E = 0
Tracker = Callable[[Iterable[int], str], Iterable[int]]


def dense_system(name: str, n: int, E: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(A, B) of a named start in the HiPPO basis; ``E`` for ``ptd`` and ``rand``.

    Raises:
        InvalidInputError: the name is unknown.
    """
    A, B = legs(n)
    if name in ("hippo_dense", "dplr"):
        return A, B
    if name == "diag":
        return legs_normal(n), B / 2
    if name == "diag_clip2":
        return legs_normal(n), normal_basis(n, clip=True).B
    if name in ("ptd", "rand") and E is not None:
        return A + E, B
    raise InvalidInputError(f"system={name!r}; allowed: {', '.join(SYSTEMS)} (ptd, rand with E).")


def ptd_basis(
    n: int,
    ratio: float,
    *,
    seed: int = 0,
    steps: int | None = None,
    cache: Path | None = None,
    track: Tracker | None = None,
) -> tuple[ModalBasis, PTDResult]:
    """(A_H + E, B_H) in the eigenvectors of A_H + E, ||E||_2 <= ratio ||A_H||_2.

    Eigenvalues with positive real part, which the optimum often has a few of, are reflected into
    the left half-plane, as in the released code.
    """
    A, B = legs(n)
    if n <= EXACT_UP_TO:
        result = decompose(A, torch.zeros_like(A), stabilise="abs")
    else:
        # Large matrices are solved once and kept; one descent of n = 128 takes a minute.
        effort = {"starts": 3, "steps": 2000} if n <= 32 else {"starts": 1, "steps": 1500}
        if steps is not None:
            effort = {"starts": 1, "steps": steps}
        result = ptd_for_ratio(
            A, ratio, seed=seed, stabilise="abs", cache=cache, track=track, **effort
        )
    return ModalBasis(result.lam, result.V, result.Vinv_apply, B), result


def rand_basis(
    n: int, ratio: float, *, seed: int = 0, real: bool = True
) -> tuple[ModalBasis, PTDResult]:
    """As :func:`ptd_basis` with E a scaled Ginibre matrix: the same norm, no optimisation."""
    A, B = legs(n)
    E = ginibre(n, ratio * float(torch.linalg.matrix_norm(A, 2)), seed=seed, real=real)
    result = decompose(A, E, stabilise="abs")
    return ModalBasis(result.lam, result.V, result.Vinv_apply, B), result


def ginibre(n: int, norm: float, *, seed: int, real: bool = True) -> Tensor:
    """A matrix of independent Gaussian entries, scaled to the given spectral norm."""
    generator = torch.Generator().manual_seed(seed)
    dtype = torch.float64 if real else torch.complex128
    E = torch.randn(n, n, generator=generator, dtype=dtype)
    return E * (norm / torch.linalg.matrix_norm(E, 2))


def normal_basis(n: int, *, clip: bool = False, low_rank: bool = False) -> ModalBasis:
    """HiPPO in the unitary eigenvectors of its normal part A_perp.

    Plain: (A_perp, B_H / 2), the system whose transfer function Lemma 1 compares. ``low_rank``:
    A_perp - p p^T with B_H, S4. ``clip``: B_H with the imaginary part of V* B_H clipped to [-2, 2],
    as the S4 repository codes S4D-LegS; it shrinks the resonances up to twenty times.
    """
    _, B = legs(n)
    lam, V = diagonalise_normal(n)
    if clip:
        B = V @ _clip_imaginary(V.mH @ B.to(V.dtype), 2.0)
    elif not low_rank:
        B = B / 2
    return ModalBasis(
        lam, V, lambda X: V.mH @ X.to(V.dtype), B, legs_low_rank(n)[None] if low_rank else None
    )


def _clip_imaginary(z: Tensor, bound: float) -> Tensor:
    return torch.complex(z.real, z.imag.clamp(-bound, bound))


def initial_basis(
    model: DictConfig, *, cache: Path | None = None, track: Tracker | None = None
) -> tuple[ModalBasis, PTDResult | None]:
    """The basis of one block, as the configuration asks.

    Raises:
        InvalidInputError: unknown initialiser, or a state size that the blocks do not divide.
    """
    if model.state_size < 1 or model.blocks < 1 or model.state_size % model.blocks:
        raise InvalidInputError(
            f"model.state_size={model.state_size} is not divisible into model.blocks="
            f"{model.blocks} blocks; give a multiple of the number of blocks."
        )
    n = model.state_size // model.blocks
    check_ratio(model.perturbation_ratio)
    result = None
    if model.initialiser == "ptd":
        basis, result = ptd_basis(n, model.perturbation_ratio, cache=cache, track=track)
    elif model.initialiser == "rand":
        basis, result = rand_basis(n, model.perturbation_ratio)
    elif model.initialiser in ("diag", "diag_clip2", "dplr"):
        kind = model.initialiser
        basis = normal_basis(n, clip=kind == "diag_clip2", low_rank=kind == "dplr")
    else:
        raise InvalidInputError(
            f"model.initialiser={model.initialiser!r}; allowed: {', '.join(INITIALISERS)}."
        )
    return (halve(basis) if model.conj_sym else basis), result


def layer(model: DictConfig, basis: ModalBasis) -> nn.Module:
    """One S5 or S4 layer from its basis."""
    shared = {
        "bidirectional": model.bidirectional,
        "dt_min": model.dt_min,
        "dt_max": model.dt_max,
        "feedthrough": model.feedthrough,
    }
    if model.layer == "s5":
        return S5(
            basis,
            model.d_model,
            blocks=model.blocks,
            c_init=model.c_init,
            b_init=model.b_init,
            discretisation=model.discretisation,
            constraint=model.eigenvalue_constraint,
            **shared,
        )
    if model.layer == "s4":
        if model.trainable not in TRAINABLE:
            raise InvalidInputError(
                f"model.trainable={model.trainable!r}; allowed: {', '.join(TRAINABLE)}."
            )
        c_only = model.trainable == "c_only"
        return S4(
            basis,
            model.d_model,
            frozen=("A", "B", "dt") if c_only else (),
            input_matrix="trained" if c_only else "folded",
            c_init="original_basis",
            n_ssm=1 if model.tied_spectrum else model.d_model,
            **shared,
        )
    raise InvalidInputError(f"model.layer={model.layer!r}; allowed: s5, s4.")


def build(model: DictConfig, data: SequenceData, basis: ModalBasis) -> nn.Module:
    """The classifier that the configuration describes, for this data set."""
    classifier = sequence_classifier(
        model, data, lambda: layer(model, basis), final_norm=model.layer == "s4"
    )
    return flax_dense_(classifier) if model.layer == "s5" else classifier
