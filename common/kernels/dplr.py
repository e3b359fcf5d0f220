"""S4's convolution kernel: a diagonal-plus-low-rank system through its generating function.

Gu et al., "Efficiently modeling long sequences with structured state spaces" (2022), algorithm 1.
"""

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

# Frequencies evaluated at once: this many (channel, state, frequency) entries, 2 MB in complex64,
# stay in cache.
_ENTRIES = 2**18


def dplr_kernel(
    lam: Complex[Tensor, "*#shape state"],
    p: Complex[Tensor, "*#shape state"],
    q: Complex[Tensor, "*#shape state"],
    B: Complex[Tensor, "*#shape state"],
    C: Complex[Tensor, "channel state"],
    step: Float[Tensor, " channel"],
    length: int,
) -> Float[Tensor, "channel {length}"]:
    """``K_l = Re(C A_bar^l B_bar)`` for ``A = diag(lam) - p q*`` under the bilinear rule.

        A_bar = (I - step A/2)^{-1} (I + step A/2),      B_bar = (I - step A/2)^{-1} step B

    ``lam``, ``p``, ``q``, ``B`` are ``(state,)`` when the channels share them, else
    ``(channel, state)``. All states are kept, conjugates too: there is no factor 2. C multiplies
    from the left unconjugated; q enters conjugated. HiPPO-LegS is ``p = q = V* p_legs``.

    At the roots of unity z the truncated generating function sum_{l<L} K_l z^l equals
    ``C~ (I - z A_bar)^{-1} B_bar`` with ``C~ = C (I - A_bar^L)``, and K is its inverse FFT. With
    c = (1 + z) step/2 and the diagonal d = 1/((1 - z) - c lam), Woodbury's identity gives

        K^(z) = step [ C~ d B  -  c (C~ d p) (q* d B) / (1 + c q* d p) ],

    four Cauchy sums that share d. (Written so rather than with S4's 2/(1 + z), it has no pole at
    z = -1.) Frequencies are taken in blocks, recomputed for the gradient, so that neither
    direction holds a (channel, state, length) array. Differentiable once.
    """
    _check(lam, p, q, B, C, step, length)
    channels, state = C.shape
    lam, p, q, B = (x.to(C.dtype).expand(channels, state) for x in (lam, p, q, B))
    step = step.to(C.real.dtype)
    truncated = C - _times_power(C, _bilinear_matrix(lam, p, q, step), length)
    left = torch.stack([truncated * B, truncated * p, q.conj() * B, q.conj() * p], 1)

    # In float64: 1 - z cancels at low frequency.
    turns = torch.arange(length, dtype=torch.float64, device=C.device) * (-2 * torch.pi / length)
    z = torch.polar(torch.ones_like(turns), turns)
    minus, plus = (1 - z).to(C.dtype), (1 + z).to(C.dtype)
    return torch.fft.ifft(_InBlocks.apply(left, lam, step, minus, plus)).real


class _InBlocks(torch.autograd.Function):
    """:func:`_generating_function` over blocks of frequencies, recomputed in backward.

    ``torch.utils.checkpoint`` keeps as few tensors, but the graph nodes it leaves behind block by
    block split the C heap, and the process still grew by one (channel, state, length) array.
    """

    @staticmethod
    def forward(ctx, left, lam, step, minus, plus):
        ctx.save_for_backward(left, lam, step, minus, plus)
        response = left.new_empty(left.shape[0], len(minus))
        for part in _blocks(lam, minus):
            response[:, part] = _generating_function(left, lam, step, minus[part], plus[part])
        return response

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        *arguments, minus, plus = ctx.saved_tensors
        leaves = [x.detach().requires_grad_() for x in arguments]
        totals = [torch.zeros_like(x) for x in arguments]
        for part in _blocks(arguments[1], minus):
            with torch.enable_grad():
                response = _generating_function(*leaves, minus[part], plus[part])
            for total, piece in zip(
                totals, torch.autograd.grad(response, leaves, grad[:, part]), strict=True
            ):
                total += piece
        return *totals, None, None


def _blocks(lam, minus):
    size = max(1, _ENTRIES // lam.numel())
    return [slice(start, start + size) for start in range(0, len(minus), size)]


def _generating_function(left, lam, step, one_minus_z, one_plus_z):
    c = one_plus_z * step[:, None] / 2
    d = 1 / (one_minus_z - c[:, None] * lam[..., None])
    with torch.autocast(left.device.type, enabled=False):
        CB, Cp, qB, qp = torch.bmm(left, d).unbind(1)
    return step[:, None] * (CB - c * Cp * qB / (1 + c * qp))


def _bilinear_matrix(lam, p, q, step):
    A = torch.diag_embed(lam) - p[..., None] * q.conj()[..., None, :]
    half = step[:, None, None] / 2 * A
    identity = torch.eye(lam.shape[-1], dtype=lam.dtype, device=lam.device)
    return torch.linalg.solve(identity - half, identity + half)


def _times_power(row, matrix, power):
    """``row @ matrix^power`` by repeated squaring."""
    row = row[:, None]
    with torch.autocast(row.device.type, enabled=False):
        while power:
            if power % 2:
                row = torch.bmm(row, matrix)
            power //= 2
            if power:
                matrix = torch.bmm(matrix, matrix)
    return row[:, 0]


def _check(lam, p, q, B, C, step, length):
    if C.ndim != 2 or not C.is_complex():
        raise ValueError(
            f"C has shape {tuple(C.shape)} and dtype {C.dtype}; needed is a complex "
            "(channel, state)"
        )
    channels, state = C.shape
    for name, value in (("lam", lam), ("p", p), ("q", q), ("B", B)):
        if value.shape not in ((state,), (1, state), (channels, state)):
            raise ValueError(
                f"{name} has shape {tuple(value.shape)}; needed is {(state,)} or "
                f"{(channels, state)} to go with C"
            )
    if step.shape != (channels,):
        raise ValueError(f"step has shape {tuple(step.shape)}; needed is one a channel: {channels}")
    if length < 1:
        raise ValueError(f"length is {length}; needed is at least 1")
