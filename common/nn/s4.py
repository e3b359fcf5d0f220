"""S4-type layers: one single-input state space a channel, run as a convolution or step by step.

    y = u * K + D u,     K_h[l] = C_h A_bar_h^l B_bar_h

Diagonal systems (S4D, Gu et al., NeurIPS 2022; S4-PTD) have K_h[l] = 2 Re sum_k C_hk B_bar_hk
lam_bar_hk^l; S4 (Gu et al., ICLR 2022) keeps the low-rank part of HiPPO, A = Lambda - P^T conj(P),
and discretises by the bilinear rule.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from common.errors import InvalidInputError
from common.kernels.convolution import fft_convolve
from common.kernels.discretise import bilinear, zoh
from common.kernels.dplr import dplr_kernel
from common.kernels.s4d import MODES, s4d_apply
from common.kernels.streaming import (
    dense_scan,
    diagonal_final_state,
    diagonal_response,
    dplr_recurrence,
    dplr_step,
)
from common.kernels.vandermonde import vandermonde_kernel
from common.nn.initialisers import log_uniform
from common.nn.layer import StateSpaceLayer
from common.nn.modal import ModalBasis, real_pairs
from common.nn.padding import at_the_end
from common.nn.parameterisation import check_transform, constrained, raw_value

DISCRETISATIONS = ("zoh", "bilinear")
INPUTS = ("folded", "trained")
C_INITS = ("original_basis", "complex_normal")
FREEZABLE = ("A", "B", "C", "dt")


class S4(StateSpaceLayer):
    """One state space a channel; how it is called stands in :class:`StateSpaceLayer`.

    A diagonal layer takes twice the real part, for one of each conjugate pair and for a complete
    spectrum (S4-PTD) alike: there the 2 is part of the start of C.

    Args:
        basis: the system that all channels share at the start, or several, dealt out in turn; with
            ``basis.low_rank`` the layer is S4 (DPLR), else it is diagonal.
        d_model: number of channels H.
        bidirectional: two-sided kernel; the backward half starts one step ahead.
        dt_min: step sizes are log-uniform between ``dt_min`` and ``dt_max``.
        dt_max: see ``dt_min``.
        dt_per_state: a step size for each state of a channel (diagonal), else one a channel.
        feedthrough: the D term.
        n_ssm: independent copies of the spectrum (and of B and P), a divisor of ``d_model``;
            channel h uses copy h mod ``n_ssm``. None: one for each basis given.
        input_matrix: ``folded``: B starts inside C and has no parameter of its own; ``trained``.
        c_init: ``complex_normal``: unit variance in the modal basis; ``original_basis``: real
            normal before the change of basis, C = c V.
        frozen: what is a buffer instead of a parameter, of ``A`` (with P), ``B``, ``C``, ``dt``.
        discretisation: ``zoh`` or ``bilinear``; DPLR is always bilinear. None: ``zoh`` if diagonal.
        real_transform: how the decay -Re(A) is stored, see ``parameterisation.TRANSFORMS``.
        imag_transform: ``none``, or ``exp`` for Im(A) > 0.
        dt_transform: how the step size is stored.
        mode: how a diagonal layer is computed, see :func:`common.kernels.s4d.s4d_apply`:
            ``convolution``, ``scan``, or ``auto`` for the faster of the two.

    Raises:
        InvalidInputError: an option is out of range or does not go with the basis.
    """

    def __init__(
        self,
        basis: ModalBasis | Sequence[ModalBasis],
        d_model: int,
        *,
        bidirectional: bool = False,
        dt_min: float = 0.001,
        dt_max: float = 0.1,
        dt_per_state: bool = False,
        feedthrough: bool = True,
        n_ssm: int | None = None,
        input_matrix: str = "folded",
        c_init: str = "complex_normal",
        frozen: Collection[str] = (),
        discretisation: str | None = None,
        real_transform: str = "exp",
        imag_transform: str = "none",
        dt_transform: str = "exp",
        mode: str = "auto",
    ):
        super().__init__()
        bases = [basis] if isinstance(basis, ModalBasis) else list(basis)
        copies = len(bases) if n_ssm is None else n_ssm
        self.low_rank = bases[0].low_rank is not None
        self.halved = bases[0].halved
        self.discretisation = discretisation or ("bilinear" if self.low_rank else "zoh")
        _check_options(locals(), bases, copies, self)
        self.bidirectional = bidirectional
        self.d_model = d_model
        self.real_transform, self.imag_transform = real_transform, imag_transform
        self.dt_transform = dt_transform
        self.mode = mode
        self.folded = input_matrix == "folded" and not self.low_rank
        self._frozen = frozenset(frozen)

        spectra = [bases[i % len(bases)] for i in range(copies)]
        lam = torch.stack([b.lam for b in spectra])
        _check_stable(lam)
        self._put("A", self._decay_name, raw_value(-lam.real, real_transform).float())
        self._put("A", "A_imag", raw_value(lam.imag, imag_transform).float())
        shape = (d_model, lam.shape[1]) if dt_per_state else (d_model,)
        log_dt = log_uniform(shape, dt_min, dt_max)
        if dt_transform != "exp":
            log_dt = raw_value(log_dt.exp(), dt_transform)
        self._put("dt", "log_dt", log_dt)
        channels = [bases[h % copies % len(bases)] for h in range(d_model)]
        B = torch.stack([b.input_modal() for b in spectra])
        C = _initial_C(channels, 2 if bidirectional else 1, c_init)
        if self.folded:
            C = C * torch.stack([b.input_modal() for b in channels])
        else:
            self._put("B", "B", real_pairs(B))
        self._put("C", "C", real_pairs(C))
        if self.low_rank:
            P = torch.stack([b.to_modal(b.low_rank.T).T for b in spectra])
            self._put("A", "P", real_pairs(P))
        self.D = nn.Parameter(torch.randn(d_model)) if feedthrough else None

    @property
    def _decay_name(self) -> str:
        return "log_A_real" if self.real_transform == "exp" else "A_real"

    def _put(self, group: str, name: str, value: Tensor) -> None:
        if group in self._frozen:
            self.register_buffer(name, value)
        else:
            self.register_parameter(name, nn.Parameter(value))

    def eigenvalues(self) -> Complex[Tensor, "n_ssm state"]:
        """Lambda; its real part is negative unless ``real_transform`` is ``none``."""
        decay = constrained(getattr(self, self._decay_name), self.real_transform)
        return torch.complex(-decay, constrained(self.A_imag, self.imag_transform))

    def step_sizes(self, rate: float = 1.0) -> Float[Tensor, "width ..."]:
        """Delta, one a channel or one a channel and state; ``rate`` 2 halves the sampling rate."""
        return rate * constrained(self.log_dt, self.dt_transform)

    def kernel(self, length: int, rate: float = 1.0) -> Float[Tensor, "directions width {length}"]:
        """The convolution kernels of this layer."""
        if self.low_rank:
            return self._dplr_kernel(length, rate)
        lam_step, B_bar, C = self._modes(rate)
        weights = C * B_bar
        lam_step = lam_step.expand_as(weights)
        return vandermonde_kernel(weights.flatten(0, 1), lam_step.flatten(0, 1), length).view(
            *weights.shape[:2], length
        )

    def initial_state(self, batch: int) -> Complex[Tensor, "batch width state"]:
        """The state at rest."""
        C = torch.view_as_complex(self.C)
        return C.new_zeros(batch, self.d_model, C.shape[-1])

    def _step(self, u, state, rate):
        if self.low_rank:
            lam, P, B, C = self._full_system()
            x = dplr_step(u, self._full(state), lam, P, B, self.step_sizes(rate))
            return torch.einsum("hn,bhn->bh", C[0], x).real, x[..., : state.shape[-1]]
        lam_step, B_bar, C = self._modes(rate)
        state = torch.exp(lam_step) * state + B_bar * u[..., None]
        return 2 * torch.einsum("hn,bhn->bh", C[0], state).real, state

    def _whole(self, u, rate):
        if self.low_rank:
            return self._by_kernel(u, rate)
        lam_step, B_bar, C = self._modes(rate)
        weights = C * B_bar
        return s4d_apply(
            u,
            weights[0],
            lam_step.expand_as(weights[0]),
            reverse_weights=weights[1] if self.bidirectional else None,
            mode=self.mode,
        )

    def _by_kernel(self, u, rate):
        return fft_convolve(u.transpose(1, 2), *self.kernel(u.shape[1], rate)).transpose(1, 2)

    def _continue(self, u, state, lengths, rate):
        if self.low_rank:
            lam, P, B, C = self._full_system()
            A_bar, B_bar = dplr_recurrence(lam, P, B, self.step_sizes(rate))
            y, x = dense_scan(u, A_bar, B_bar, C[0], self._full(state), lengths)
            return y, x[..., : state.shape[-1]]
        lam_step, B_bar, C = self._modes(rate)
        lam_step, B_bar = lam_step.expand_as(C[0]), B_bar.expand_as(C[0])
        y = s4d_apply(u, C[0] * B_bar, lam_step, mode=self.mode)
        y = y + diagonal_response(state, C[0], lam_step, u.shape[1])
        steps = u.shape[1] if lengths is None else lengths[:, None, None]
        final = diagonal_final_state(at_the_end(u, lengths), B_bar, lam_step)
        return y, final + torch.exp(lam_step * steps) * state

    def _modes(self, rate):
        """log(lam_bar) and B_bar of every channel (or one row for all), and C."""
        dt = self.step_sizes(rate)
        dt = dt[:, None] if dt.ndim == 1 else dt
        lam = self._to_channels(self.eigenvalues())
        if self.discretisation == "zoh":
            lam_step, (_, scale) = lam * dt, zoh(lam, dt)
        else:
            lam_bar, scale = bilinear(lam, dt)
            # Any branch of the logarithm, as only whole powers are taken; but 0 has none.
            tiny = torch.finfo(lam_bar.real.dtype).tiny
            lam_step = torch.log(torch.where(lam_bar == 0, tiny, lam_bar))
        if not self.folded:
            scale = scale * self._to_channels(torch.view_as_complex(self.B))
        return lam_step, scale, torch.view_as_complex(self.C)

    def _full_system(self):
        """Lambda, P, B, C with the conjugates, which the low-rank part couples."""
        lam = self._to_channels(self.eigenvalues(), broadcast=False)
        P = self._to_channels(torch.view_as_complex(self.P), broadcast=False)
        B = self._to_channels(torch.view_as_complex(self.B), broadcast=False)
        return tuple(self._full(x) for x in (lam, P, B, torch.view_as_complex(self.C)))

    def _full(self, x):
        return torch.cat([x, x.conj()], dim=-1) if self.halved else x

    def _dplr_kernel(self, length, rate):
        P, B = (self._to_channels(torch.view_as_complex(x)) for x in (self.P, self.B))
        return dplr_kernel(
            self._to_channels(self.eigenvalues()),
            P,
            P,
            B,
            torch.view_as_complex(self.C),
            self.step_sizes(rate),
            length,
            conj_sym=self.halved,
        )

    def _to_channels(self, x, broadcast: bool = True):
        """One row a channel; a single row stays one where it broadcasts."""
        if broadcast and x.shape[0] == 1:
            return x
        return x.repeat(self.d_model // x.shape[0], *[1] * (x.ndim - 1))


def _check_options(options, bases, copies, layer) -> None:
    """Every option of the constructor, before anything is built."""
    for name, allowed in (
        ("input_matrix", INPUTS),
        ("c_init", C_INITS),
        ("imag_transform", ("none", "exp")),
        ("mode", MODES),
    ):
        if options[name] not in allowed:
            raise InvalidInputError(f"{name}={options[name]!r}; allowed: {', '.join(allowed)}.")
    for name in ("real_transform", "dt_transform"):
        check_transform(name, options[name])
    if layer.discretisation not in DISCRETISATIONS:
        raise InvalidInputError(
            f"discretisation={layer.discretisation!r}; allowed: {', '.join(DISCRETISATIONS)}."
        )
    if unknown := set(options["frozen"]) - set(FREEZABLE):
        raise InvalidInputError(
            f"frozen={', '.join(sorted(unknown))}; allowed: {', '.join(FREEZABLE)}."
        )
    d_model, low, high = options["d_model"], options["dt_min"], options["dt_max"]
    if d_model < 1 or not 0 < low <= high:
        raise InvalidInputError(
            f"d_model={d_model} must be positive and 0 < dt_min={low} <= dt_max={high}."
        )
    if copies < len(bases) or copies % len(bases) or d_model % copies:
        raise InvalidInputError(
            f"n_ssm={copies} must be a multiple of the {len(bases)} bases given and divide "
            f"d_model={d_model}."
        )
    kinds = {(len(b.lam), b.halved, b.low_rank is None or b.low_rank.shape[0]) for b in bases}
    if len(kinds) > 1:
        raise InvalidInputError("the bases differ in size, rank or halving; give them alike.")
    if layer.low_rank and (layer.discretisation != "bilinear" or options["dt_per_state"]):
        raise InvalidInputError(
            "a low-rank part needs discretisation=bilinear and one step size a channel."
        )


def _initial_C(channels: list[ModalBasis], directions: int, how: str) -> Tensor:
    """(directions, channel, state), complex128."""
    shape = (directions, len(channels))
    if how == "complex_normal":
        return torch.randn(*shape, len(channels[0].lam), dtype=torch.complex128)
    c = torch.randn(*shape, channels[0].order, dtype=torch.float64).to(torch.complex128)
    return torch.einsum("dhn,hnm->dhm", c, torch.stack([b.V for b in channels]))


def _check_stable(lam: Tensor) -> None:
    """What is not stable has to be made so before it gets here."""
    rounding = 1e-12 * float(lam.abs().max())
    if bool((lam.real > rounding).any()):
        raise InvalidInputError(
            "an eigenvalue has positive real part; stabilise the basis first (ptd: 'abs')."
        )
