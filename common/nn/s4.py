"""S4-type layers: one SISO state space a channel, run as a convolution.

    y = irfft(rfft(u, 2L) rfft(K, 2L))[:L] + D u,     K_h[l] = C_h A_bar_h^l B_bar_h

Diagonal systems (S4D, Gu et al., NeurIPS 2022; S4-PTD) have K_h[l] = 2 Re sum_k C_hk B_k
(exp(Delta_h lam_k) - 1)/lam_k exp(Delta_h lam_k l) under the zero-order hold; S4 (Gu et al., ICLR
2022) keeps the rank-one part of HiPPO and discretises by the bilinear rule.
"""

from __future__ import annotations

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from common.errors import InvalidInputError
from common.kernels.convolution import fft_convolve
from common.kernels.discretise import zoh
from common.kernels.dplr import dplr_kernel
from common.kernels.vandermonde import vandermonde_kernel
from common.nn.initialisers import log_uniform
from common.nn.modal import ModalBasis, real_pairs

SMALLEST_DECAY = 1e-4


class S4(nn.Module):
    """Maps ``(batch, length, d_model)`` to the same shape, linear in its input.

    Args:
        basis: the n x n system shared by all channels at the start; with ``basis.low_rank`` the
            layer is S4 (DPLR), else it is diagonal.
        d_model: number of channels H.
        bidirectional: two-sided kernel; the backward half starts one step ahead.
        dt_min: step sizes are log-uniform between ``dt_min`` and ``dt_max``, one a channel.
        dt_max: see ``dt_min``.
        feedthrough: the D term.
        trainable: ``all`` (B folded into C, as in the LRA models), or ``c_only``: Lambda, B and
            the step sizes are buffers.
        tied_spectrum: all channels share Lambda, else each has its own copy of the start.

    Raises:
        InvalidInputError: an option is out of range.
    """

    def __init__(
        self,
        basis: ModalBasis,
        d_model: int,
        *,
        bidirectional: bool = True,
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        feedthrough: bool = True,
        trainable: str = "all",
        tied_spectrum: bool = True,
    ):
        super().__init__()
        if trainable not in ("all", "c_only"):
            raise InvalidInputError(f"trainable={trainable!r}; allowed: all, c_only.")
        if d_model < 1 or not 0 < dt_min <= dt_max:
            raise InvalidInputError(
                f"d_model={d_model} must be positive and 0 < dt_min={dt_min} <= dt_max={dt_max}."
            )
        self.low_rank = basis.low_rank is not None
        self.halved = basis.halved
        store = nn.Parameter if trainable == "all" else (lambda x: x)
        copies = (1 if tied_spectrum else d_model, 1)
        self._put("log_A_real", store(_log_decay(basis.lam).repeat(copies)))
        self._put("A_imag", store(basis.lam.imag.float().repeat(copies)))
        self._put("log_dt", store(log_uniform((d_model,), dt_min, dt_max)))
        B = basis.input_modal()
        directions = 2 if bidirectional else 1
        # c is drawn in the original basis: C~ = c V holds for every basis, unitary or not.
        c = torch.randn(directions, d_model, basis.order, dtype=torch.float64)
        C = c.to(torch.complex128) @ basis.V
        fold = trainable == "all" and not self.low_rank
        if fold:
            C = C * B
        else:
            self._put("B", store(real_pairs(B)))
        self.C = nn.Parameter(real_pairs(C))
        if self.low_rank:
            p = basis.to_modal(basis.low_rank[:, None])[:, 0]
            self._put("P", store(real_pairs(p)))
        self.D = nn.Parameter(torch.randn(d_model)) if feedthrough else None

    def _put(self, name: str, value: Tensor) -> None:
        if isinstance(value, nn.Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value)

    def eigenvalues(self) -> Complex[Tensor, "#width state"]:
        """Lambda, with negative real part by construction; one row where the channels share it."""
        return torch.complex(-self.log_A_real.exp(), self.A_imag)

    def kernel(self, length: int) -> Float[Tensor, "directions width length"]:
        """The convolution kernels of this layer."""
        C = torch.view_as_complex(self.C)
        dt = self.log_dt.exp()
        if self.low_rank:
            return self._dplr(C, dt, length)
        lam = self.eigenvalues()
        _, input_scale = zoh(lam, dt[:, None])
        weights = C * input_scale
        if hasattr(self, "B"):
            weights = weights * torch.view_as_complex(self.B)
        lam_step = (lam * dt[:, None]).expand_as(weights)
        return vandermonde_kernel(weights.flatten(0, 1), lam_step.flatten(0, 1), length).view(
            *weights.shape[:2], length
        )

    def _dplr(self, C: Tensor, dt: Tensor, length: int) -> Tensor:
        lam, p, B = self.eigenvalues(), torch.view_as_complex(self.P), torch.view_as_complex(self.B)
        if self.halved:
            # The rank-one part couples a mode with every conjugate: the kernel needs them all.
            lam, p, B, C = (torch.cat([x, x.conj()], dim=-1) for x in (lam, p, B, C))
        return torch.stack([dplr_kernel(lam, p, p, B, c, dt, length) for c in C])

    def forward(
        self, u: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch length width"]:
        kernels = self.kernel(u.shape[1])
        y = fft_convolve(u.transpose(1, 2), *kernels).transpose(1, 2)
        return y if self.D is None else torch.addcmul(y, u, self.D)


def _log_decay(lam: Tensor) -> Tensor:
    """log of -Re(lam); what is not stable has to be made so before it gets here."""
    if bool((lam.real > 0).any()):
        raise InvalidInputError(
            "an eigenvalue has positive real part; stabilise the basis first (ptd: 'abs')."
        )
    return lam.real.neg().clamp(min=SMALLEST_DECAY).log().float()
