"""The S5 layer: one MIMO diagonal state space run by a scan (Smith et al., ICLR 2023).

x_k = Lambda_bar x_{k-1} + B_bar u_k,     y_k = Re(C x_k) + D * u_k
"""

from __future__ import annotations

import torch
from jaxtyping import Complex
from torch import Tensor, nn

from common.errors import InvalidInputError
from common.kernels.discretise import bilinear, zoh
from common.kernels.s5 import s5_apply
from common.kernels.scan import diagonal_scan
from common.nn.initialisers import lecun_normal, log_uniform
from common.nn.layer import StateSpaceLayer
from common.nn.modal import ModalBasis, real_pairs

C_INITS = ("trunc_standard_normal", "lecun_normal", "complex_normal")
B_INITS = ("lecun_normal", "hippo")
DISCRETISATIONS = {"zoh": zoh, "bilinear": bilinear}
CONSTRAINTS = ("none", "clip", "force_neg")


class S5(StateSpaceLayer):
    """One state space for all channels; how it is called stands in :class:`StateSpaceLayer`.

    The modal basis of one block is repeated ``blocks`` times; B and C are drawn in the original
    basis and carried over block by block (B~ = V^-1 B, C~ = C V).

    Args:
        basis: of one block; n = basis.order.
        d_model: width H.
        blocks: J; the state has P = J n entries (stored: P/2 for a halved basis).
        bidirectional: a second scan runs backwards; both contain the current input.
        c_init: ``trunc_standard_normal`` (fan-in P), ``lecun_normal`` (fan-in H P), both in the
            original basis, or ``complex_normal`` (unit variance, in the modal basis).
        b_init: ``lecun_normal`` (fan-in P), or ``hippo``: the basis' own B in every column.
        dt_min: step sizes are log-uniform between ``dt_min`` and ``dt_max``, one a state.
        dt_max: see ``dt_min``.
        discretisation: ``zoh`` or ``bilinear``.
        constraint: on Re(Lambda) while training: ``none``, ``clip`` at -1e-4, ``force_neg``.
        feedthrough: the D term.

    Raises:
        InvalidInputError: an option is out of range.
    """

    def __init__(
        self,
        basis: ModalBasis,
        d_model: int,
        *,
        blocks: int = 1,
        bidirectional: bool = False,
        c_init: str = "trunc_standard_normal",
        b_init: str = "lecun_normal",
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        discretisation: str = "zoh",
        constraint: str = "none",
        feedthrough: bool = True,
    ):
        super().__init__()
        _check("c_init", c_init, C_INITS)
        _check("b_init", b_init, B_INITS)
        _check("discretisation", discretisation, tuple(DISCRETISATIONS))
        _check("constraint", constraint, CONSTRAINTS)
        if d_model < 1 or blocks < 1 or not 0 < dt_min <= dt_max:
            raise InvalidInputError(
                f"d_model={d_model}, blocks={blocks} must be positive and 0 < dt_min={dt_min} <= "
                f"dt_max={dt_max}."
            )
        self.d_model = d_model
        self.bidirectional = bidirectional
        self.conj_sym = basis.halved
        self.constraint = constraint
        self.discretise = DISCRETISATIONS[discretisation]
        lam = basis.lam.repeat(blocks).to(torch.complex64)
        self.Lambda_re = nn.Parameter(lam.real.clone())
        self.Lambda_im = nn.Parameter(lam.imag.clone())
        self.log_step = nn.Parameter(log_uniform(lam.shape, dt_min, dt_max))
        self.B = nn.Parameter(real_pairs(_initial_B(basis, d_model, blocks, b_init)))
        directions = 2 if bidirectional else 1
        C = [_initial_C(basis, d_model, blocks, c_init) for _ in range(directions)]
        self.C = nn.Parameter(real_pairs(torch.cat(C, dim=1)))
        self.D = nn.Parameter(torch.randn(d_model)) if feedthrough else None

    def eigenvalues(self) -> Complex[Tensor, " state"]:
        """Lambda under the stability constraint."""
        real = self.Lambda_re
        if self.constraint == "clip":
            real = real.clamp(max=-1e-4)
        elif self.constraint == "force_neg":
            real = -real.abs()
        return torch.complex(real, self.Lambda_im)

    def initial_state(self, batch: int) -> Complex[Tensor, "batch state"]:
        """The state at rest."""
        return torch.view_as_complex(self.C).new_zeros(batch, len(self.Lambda_re))

    def _whole(self, u, rate):
        switches = {"bidirectional": self.bidirectional, "conj_sym": self.conj_sym}
        return s5_apply(u, *self._system(rate), **switches)

    def _continue(self, u, state, lengths, rate):
        lam_bar, B_bar, C = self._system(rate)
        states = diagonal_scan(lam_bar, u.to(B_bar.dtype) @ B_bar.T, initial=state)
        if lengths is None:
            return self._read_out(states, C), states[:, -1]
        rows = torch.arange(len(u), device=u.device)
        last = torch.where(lengths[:, None] > 0, states[rows, lengths - 1], state)
        return self._read_out(states, C), last

    def _step(self, u, state, rate):
        lam_bar, B_bar, C = self._system(rate)
        state = lam_bar * state + u.to(B_bar.dtype) @ B_bar.T
        return self._read_out(state, C), state

    def _system(self, rate):
        lam_bar, input_scale = self.discretise(self.eigenvalues(), rate * self.log_step.exp())
        B_bar = input_scale[:, None] * torch.view_as_complex(self.B)
        return lam_bar, B_bar, torch.view_as_complex(self.C)

    def _read_out(self, states, C):
        y = (states @ C.T).real
        return 2 * y if self.conj_sym else y


def _check(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InvalidInputError(f"{name}={value!r}; allowed: {', '.join(allowed)}.")


def _initial_B(basis: ModalBasis, d_model: int, blocks: int, how: str) -> Complex[Tensor, "P H"]:
    n = basis.order
    if how == "hippo":
        B = basis.B[:, None].expand(n, d_model).repeat(blocks, 1)
    else:
        B = lecun_normal((blocks * n, d_model), fan_in=blocks * n)
    return torch.cat([basis.to_modal(part.double()) for part in B.split(n)])


def _initial_C(basis: ModalBasis, d_model: int, blocks: int, how: str) -> Complex[Tensor, "H P"]:
    n, stored = basis.order, blocks * len(basis.lam)
    if how == "complex_normal":
        return torch.complex(torch.randn(d_model, stored), torch.randn(d_model, stored)) / 2**0.5
    states = blocks * n
    fan_in = states if how == "trunc_standard_normal" else d_model * states
    real, imaginary = (lecun_normal((d_model, states), fan_in) for _ in range(2))
    C = torch.complex(real, imaginary).to(torch.complex128)
    return torch.cat([part @ basis.V for part in C.split(n, dim=1)], dim=1)
