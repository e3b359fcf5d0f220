"""Long single-input systems in pieces: what the state before a piece adds, and the state after it.

    x_k = lam_bar x_{k-1} + B_bar u_k,     y_k = 2 Re sum_n C_n x_k,n         (diagonal)
    x_k = A_bar x_{k-1} + B_bar u_k,       y_k = Re(C x_k)                    (dense)

A piece of a diagonal system is a convolution from rest plus :func:`diagonal_response`, and its last
state is :func:`diagonal_final_state`: neither writes all states.
"""

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor

from common.kernels.vandermonde import exponentials, vandermonde_kernel

_BLOCK = 64  # steps that one table of powers covers


def diagonal_response(
    state: Complex[Tensor, "batch channel state"],
    C: Complex[Tensor, "channel state"],
    lam_step: Complex[Tensor, "channel state"],
    length: int,
) -> Float[Tensor, "batch {length} channel"]:
    """``y_k = 2 Re sum_n C_n exp(lam_step_n (k + 1)) x_n``: the output of a system left alone."""
    weights = state * (C * torch.exp(lam_step))
    response = vandermonde_kernel(
        weights.flatten(0, 1), lam_step.expand_as(weights).flatten(0, 1), length
    )
    return response.view(*state.shape[:2], length).transpose(1, 2)


def diagonal_final_state(
    u: Float[Tensor, "batch length channel"],
    B_bar: Complex[Tensor, "channel state"],
    lam_step: Complex[Tensor, "channel state"],
) -> Complex[Tensor, "batch channel state"]:
    """``x = sum_l exp(lam_step (L - 1 - l)) B_bar u_l``: the state after the last step, from rest.

    With l = i m + j the exponential splits into a table of m steps and one of L/m blocks; phases
    are taken in float64.
    """
    length, block = u.shape[1], _BLOCK
    blocks = -(-length // block)
    # Zeros in front: they leave a system at rest where it is.
    u = torch.nn.functional.pad(u, (0, 0, blocks * block - length, 0))
    within = exponentials(lam_step, torch.arange(block - 1, -1, -1, device=u.device))
    across = exponentials(lam_step, block * torch.arange(blocks - 1, -1, -1, device=u.device))
    table = u.unflatten(1, (blocks, block)).to(within.real.dtype)
    # Autocast would take this product in half precision, and with it the state.
    with torch.autocast(u.device.type, enabled=False):
        inner = torch.einsum("bijh,hjnr->bihnr", table, torch.view_as_real(within))
    total = torch.einsum("bihn,hin->bhn", torch.view_as_complex(inner.contiguous()), across)
    return total * B_bar


def dense_scan(
    u: Float[Tensor, "batch length channel"],
    A_bar: Complex[Tensor, "channel state state"],
    B_bar: Complex[Tensor, "channel state"],
    C: Complex[Tensor, "channel state"],
    initial: Complex[Tensor, "batch channel state"],
    lengths: Int[Tensor, " batch"] | None = None,
) -> tuple[Float[Tensor, "batch length channel"], Complex[Tensor, "batch channel state"]]:
    """Outputs of a piece and the state after it (after ``lengths`` steps of each sequence).

    Blocks of 64 steps: inside a block a lower-triangular Toeplitz matrix of the first taps, between
    blocks the state. Cost O(L (64 + n) + (L/64) n^2) a channel.
    """
    batch, total, _ = u.shape
    size = min(_BLOCK, total)
    blocks = -(-total // size)
    u = torch.nn.functional.pad(u, (0, 0, 0, blocks * size - total)).to(A_bar.dtype)
    rows, columns = [C], [B_bar]
    for _ in range(size):
        rows.append(torch.einsum("hn,hnm->hm", rows[-1], A_bar))
        columns.append(torch.einsum("hnm,hm->hn", A_bar, columns[-1]))
    outputs = torch.stack(rows[1:], 1)  # C A^{j+1}: what the state before the block adds
    inputs = torch.stack(columns[size - 1 :: -1], 1)  # A^{size-1-j} B
    taps = torch.einsum("hn,hjn->hj", C, torch.stack(columns[:size], 1))
    lag = torch.arange(size, device=u.device)[:, None] - torch.arange(size, device=u.device)
    toeplitz = torch.where(lag >= 0, taps[:, lag.clamp(min=0)], taps.new_zeros(()))
    power = torch.linalg.matrix_power(A_bar, size)
    states, pieces = [initial], []
    for piece in u.split(size, dim=1):
        x = states[-1]
        pieces.append(
            torch.einsum("hij,bjh->bih", toeplitz, piece).real
            + torch.einsum("hjn,bhn->bjh", outputs, x).real
        )
        states.append(
            torch.einsum("hnm,bhm->bhn", power, x) + torch.einsum("hjn,bjh->bhn", inputs, piece)
        )
    if lengths is None:
        lengths = torch.full((batch,), total, device=u.device)
    final = _advance(torch.stack(states, 1), u, A_bar, B_bar, lengths, size)
    return torch.cat(pieces, 1)[:, :total], final


def _advance(states, u, A_bar, B_bar, lengths, size):
    """From the last block boundary before each sequence's end to the end, step by step."""
    rows = torch.arange(len(lengths), device=u.device)
    boundary, left = lengths // size, lengths % size
    x = states[rows, boundary]
    for j in range(size - 1):
        step = (boundary * size + j).clamp(max=u.shape[1] - 1)
        moved = torch.einsum("hnm,bhm->bhn", A_bar, x) + B_bar * u[rows, step][..., None]
        x = torch.where((j < left)[:, None, None], moved, x)
    return x


def dplr_recurrence(
    lam: Complex[Tensor, "channel state"],
    P: Complex[Tensor, "channel rank state"],
    B: Complex[Tensor, "channel state"],
    step: Float[Tensor, " channel"],
) -> tuple[Complex[Tensor, "channel state state"], Complex[Tensor, "channel state"]]:
    """Dense ``A_bar``, ``B_bar`` of ``A = diag(lam) - P^T conj(P)`` under the bilinear rule."""
    A = torch.diag_embed(lam) - torch.einsum("hrn,hrm->hnm", P, P.conj())
    half = step[:, None, None] / 2 * A
    identity = torch.eye(lam.shape[-1], dtype=lam.dtype, device=lam.device)
    right = torch.cat([identity + half, (step[:, None] * B)[..., None]], -1)
    solved = torch.linalg.solve(identity - half, right)
    return solved[..., :-1], solved[..., -1]


def dplr_step(
    u: Float[Tensor, "batch channel"],
    state: Complex[Tensor, "batch channel state"],
    lam: Complex[Tensor, "channel state"],
    P: Complex[Tensor, "channel rank state"],
    B: Complex[Tensor, "channel state"],
    step: Float[Tensor, " channel"],
) -> Complex[Tensor, "batch channel state"]:
    """One step of the same system in O(n rank) by Woodbury's identity, no matrix formed.

    (I - h A)^{-1} v = d v - h d P^T (I + h conj(P) d P^T)^{-1} conj(P) d v with h = step/2,
    d = 1/(1 - h lam), applied to v = (I + h A) x + step B u.
    """
    half = step[:, None] / 2
    rank_one = torch.einsum("hrn,hrm,bhm->bhn", P, P.conj(), state)
    v = state + half * (lam * state - rank_one) + step[:, None] * B * u[..., None]
    d = 1 / (1 - half * lam)
    inner = torch.einsum("hrn,hn,hsn->hrs", P.conj(), d, P) * half[..., None]
    inner = inner + torch.eye(P.shape[1], dtype=P.dtype, device=P.device)
    reduced = torch.linalg.solve(inner, torch.einsum("hrn,bhn->hrb", P.conj(), d * v))
    return d * v - half * d * torch.einsum("hrn,hrb->bhn", P, reduced)
