"""Weights of S4D as published, as a layer of this library.

The minimal S4D code stores, for H channels and N/2 modes, one of each conjugate pair,

    kernel.log_A_real (H, N/2)   kernel.A_imag (H, N/2)   kernel.C (H, N/2, 2)   kernel.log_dt (H,)
    D (H,)

and means K = 2 Re sum_n C_n (exp(dt A_n) - 1)/A_n exp(dt A_n l), A = -exp(log_A_real) + i A_imag
and B = 1: the parameterisation of :class:`common.nn.s4.S4` with B folded. The full code, with its
default transforms, has spectra (copies, N/2) and B (1, copies, N/2, 2) of their own, C (directions,
H, N/2, 2), D (1, H), and means A = -exp(a) - i A_imag: conjugate everything. It names a and the
step ``inv_A_real`` and ``log_dt``, in later versions ``A_real`` and ``inv_dt`` (H, 1), below
``kernel.`` or ``kernel.kernel.``.

    layer = s4d_from_published(torch.load("s4d.pt"), prefix="layers.0.")
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from common.errors import InvalidInputError
from common.nn.modal import diagonal_basis
from common.nn.s4 import S4

# Name here -> names in the published versions.
_NAMES = {
    "log_A_real": ("log_A_real", "inv_A_real", "A_real"),
    "A_imag": ("A_imag",),
    "C": ("C",),
    "log_dt": ("log_dt", "inv_dt"),
    "B": ("B",),
    "D": ("D",),
}
_NEEDED = ("log_A_real", "A_imag", "C", "log_dt")


def s4d_from_published(
    state: Mapping[str, Tensor],
    *,
    prefix: str = "",
    negative_imaginary: bool = False,
    discretisation: str = "zoh",
) -> S4:
    """A layer with these weights.

    Args:
        state: a ``state_dict``; further keys are left alone.
        prefix: what the names begin with, up to ``kernel.`` or the parameter.
        discretisation: the rule that the weights were trained with; a state_dict does not say it
            (the minimal code: ``zoh``). Other than the default exp transforms are not covered.
        negative_imaginary: the weights mean A = -exp(log_A_real) - i A_imag (the full code).

    Raises:
        InvalidInputError: a tensor is missing, or the shapes do not go together.
    """
    found = {name: _find(state, prefix, names) for name, names in _NAMES.items()}
    if missing := [" or ".join(_NAMES[name]) for name in _NEEDED if found[name] is None]:
        raise InvalidInputError(
            f"{'; '.join(missing)} not found under prefix {prefix!r}; there are: "
            f"{', '.join(sorted(k for k in state if k.startswith(prefix))[:20]) or 'no keys'}."
        )
    decay, imag, C, log_dt = (found[name].detach().float() for name in _NEEDED)
    log_dt = log_dt.reshape(-1)
    C = C[None] if C.ndim == 3 else C
    _check(decay, imag, C, log_dt, found)
    pairs = decay.shape[-1]
    layer = S4(
        diagonal_basis(torch.full((pairs,), -0.5 + 0j), torch.ones(pairs)),
        C.shape[1],
        bidirectional=C.shape[0] == 2,
        n_ssm=decay.shape[0],
        input_matrix="folded" if found["B"] is None else "trained",
        feedthrough=found["D"] is not None,
        discretisation=discretisation,
    )
    weights = {"log_A_real": decay, "A_imag": imag, "C": C, "log_dt": log_dt}
    if found["B"] is not None:
        weights["B"] = found["B"].detach().float().reshape(-1, pairs, 2).expand(len(decay), -1, -1)
    if found["D"] is not None:
        weights["D"] = found["D"].detach().float().reshape(-1)
    if negative_imaginary:
        # 2 Re is blind to a conjugation of A, B and C together.
        for name in ("B", "C"):
            if name in weights:
                weights[name] = weights[name] * torch.tensor([1.0, -1.0])
    layer.load_state_dict({name: value.contiguous() for name, value in weights.items()})
    return layer


def _find(state, prefix, names):
    keys = (
        f"{prefix}{inside}{name}" for inside in ("kernel.kernel.", "kernel.", "") for name in names
    )
    return next((state[key] for key in keys if key in state), None)


def _check(decay, imag, C, log_dt, found) -> None:
    shapes = {name: tuple(t.shape) for name, t in found.items() if t is not None}
    channels, pairs = C.shape[1:3] if C.ndim == 4 else (0, 0)
    fits = (
        C.ndim == 4
        and C.shape[0] in (1, 2)
        and C.shape[-1] == 2
        and decay.ndim == 2
        and decay.shape == imag.shape
        and decay.shape[1] == pairs
        and channels % decay.shape[0] == 0
        and log_dt.shape == (channels,)
        and (found["B"] is None or found["B"].numel() % (2 * pairs) == 0)
        and (found["D"] is None or found["D"].numel() == channels)
    )
    if not fits:
        raise InvalidInputError(
            f"the shapes {shapes} do not go together; needed for H channels and N/2 modes: "
            "log_A_real and A_imag (H or a divisor, N/2), C (H, N/2, 2) or (directions, H, N/2, "
            "2), log_dt (H,), B (copies, N/2, 2) if any, D (H,) if any."
        )
