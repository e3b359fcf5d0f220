"""S4's convolution kernel: a diagonal-plus-low-rank system through its generating function.

Gu et al., "Efficiently modeling long sequences with structured state spaces" (2022), algorithm 1.
"""

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from common.kernels.resolvent import resolvent_sums


def dplr_kernel(
    lam: Complex[Tensor, "*#shape state"],
    p: Complex[Tensor, "*#shape rank state"],
    q: Complex[Tensor, "*#shape rank state"],
    B: Complex[Tensor, "*#shape state"],
    C: Complex[Tensor, "*heads channel state"],
    step: Float[Tensor, " channel"],
    length: int,
    *,
    conj_sym: bool = False,
) -> Float[Tensor, "*heads channel {length}"]:
    """``K_l = Re(C A_bar^l B_bar)`` for ``A = diag(lam) - sum_r p_r q_r*`` under the bilinear rule.

        A_bar = (I - step A/2)^{-1} (I + step A/2),      B_bar = (I - step A/2)^{-1} step B

    Args:
        lam: ``(state,)`` where the channels share it, else ``(channel, state)``; so is ``B``.
        p: ``(rank, state)`` or ``(channel, rank, state)``; ``(state,)`` is rank one. So is ``q``,
            which enters conjugated. HiPPO-LegS is ``p = q = V* p_legs``.
        B: see ``lam``.
        C: multiplies from the left, unconjugated; leading axes share everything else.
        step: one a channel.
        length: number of taps.
        conj_sym: ``lam, p, q, B, C`` hold one of each conjugate pair of a real system, whose
            kernel is returned: that of the concatenation with the conjugates.

    At the roots of unity z the truncated generating function sum_{l<L} K_l z^l equals
    ``C~ (I - z A_bar)^{-1} B_bar`` with ``C~ = C (I - A_bar^L)``, and K is its inverse FFT. With
    z = exp(-i theta), sine and cosine of theta/2, Lambda = step lam/2 and the diagonal resolvent
    R = 1/(i sin - cos Lambda), Woodbury's identity gives

        K^(z) = step exp(i theta/2)/2 [ C~ R B  -  g C~ R p (I + g q* R p)^{-1} q* R B ],
        g = cos step/2.

    (Written so rather than with S4's 2/(1 + z), it has no pole at z = -1.) A pair's two terms of a
    sum v R have the real denominator's worth of work of one,

        v/(i sin - cos Lambda) + conj(v)/(i sin - cos conj(Lambda))
            = (2 i sin Re v - 2 cos Re(v conj(Lambda))) E,
        1/E = cos^2 |Lambda|^2 - sin^2 - 2 i sin cos Re Lambda,

    and frequencies up to L/2 suffice. ``A_bar^L`` couples all states, halves included: it is the
    power of a full matrix. Everything is computed in float64 and the kernel rounded to the
    precision of C: a normal part without damping (LegT, FouT) has its resonances on the unit
    circle, next to the frequencies, and float32 would leave the kernel wrong in the third digit.
    Differentiable once.

    Raises:
        ValueError: shapes or dtypes do not fit, or (looked for on the CPU only) a ``lam`` is 0: it
            meets the frequency 0, and the formula has no value there; give it a decay.
    """
    _check(lam, p, q, B, C, step, length)
    heads, (channels, state) = C.shape[:-2], C.shape[-2:]
    precision = torch.promote_types(C.real.dtype, torch.float32)
    dtype = torch.complex128
    C = C.to(dtype).reshape(-1, channels, state)
    lam, B = (x.to(dtype).expand(channels, state) for x in (lam, B))
    p, q = (_low_rank(x.to(dtype), channels, state) for x in (p, q))
    step = step.to(torch.float64)

    matrix = _real_bilinear_matrix if conj_sym else _bilinear_matrix
    truncated = (C - _times_power(C, matrix(lam, p, q, step), length, conj_sym)).transpose(0, 1)
    # Every product that a resolvent stands between, (channel, left, right, state): the left ones
    # are C~ and q*, the right ones B and p.
    left = torch.cat([truncated, q.conj()], 1)
    right = torch.cat([B[:, None], p], 1)
    products = (left[:, :, None] * right[:, None]).flatten(1, 2)
    frequencies = length // 2 + 1 if conj_sym else length
    half = torch.arange(frequencies, dtype=torch.float64, device=C.device) * (torch.pi / length)
    sums = _pair_sums if conj_sym else _plain_sums
    table = sums(products, step[:, None] / 2 * lam, half.sin(), half.cos())
    table = table.unflatten(1, (left.shape[1], right.shape[1]))

    count = C.shape[0]
    spectrum = table[:, :count, 0]
    if p.shape[1]:
        coupling = (half.cos() * step[:, None] / 2).to(C.real.dtype)
        spectrum = spectrum - _correction(table, count, coupling)
    phase = torch.polar(step[:, None] / 2, half.expand(channels, -1)).to(dtype)
    spectrum = (spectrum * phase[:, None]).transpose(0, 1)
    kernel = torch.fft.irfft(spectrum, n=length) if conj_sym else torch.fft.ifft(spectrum).real
    return kernel.reshape(*heads, channels, length).to(precision)


def _correction(table, count, g):
    """g (C~ R p) (I + g q* R p)^{-1} (q* R B): (channel, heads, frequency)."""
    Cp, qp, qB = table[:, :count, 1:], table[:, count:, 1:], table[:, count:, 0]
    rank = qp.shape[1]
    g = g[:, None]
    if rank == 1:
        return g * Cp[:, :, 0] * qB / (1 + g * qp[:, 0])
    if rank == 2:
        a, b = 1 + g * qp[:, :1, 0], g * qp[:, :1, 1]
        c, d = g * qp[:, 1:, 0], 1 + g * qp[:, 1:, 1]
        first, second = qB[:, :1], qB[:, 1:]
        mixed = Cp[:, :, 0] * (d * first - b * second) + Cp[:, :, 1] * (a * second - c * first)
        return g * mixed / (a * d - b * c)
    identity = torch.eye(rank, dtype=qp.dtype, device=qp.device)
    inner = identity + g[:, 0, :, None, None] * qp.movedim(-1, 1)
    solved = torch.linalg.solve(inner, qB.movedim(-1, 1)[..., None])[..., 0]
    return g * torch.einsum("hcrf,hfr->hcf", Cp, solved)


def _pair_sums(products, Lambda, sine, cosine):
    """sum_k of each pair's two terms of v R: (channel, products, frequency)."""
    a, b = 2 * products.real, -2 * (products * Lambda[:, None].conj().to(products.dtype)).real
    sums = resolvent_sums(
        torch.cat([a, b], 1),
        torch.stack([Lambda.real.square() + Lambda.imag.square(), Lambda.real]),
        torch.stack([cosine.square(), -2 * sine * cosine]),
        torch.stack([-sine.square(), torch.zeros_like(sine)]),
    )
    by_sine, by_cosine = sums.chunk(2, 1)
    real = sums.real.dtype
    return torch.complex(
        cosine.to(real) * by_cosine.real - sine.to(real) * by_sine.imag,
        cosine.to(real) * by_cosine.imag + sine.to(real) * by_sine.real,
    )


def _plain_sums(products, Lambda, sine, cosine):
    """sum_k v R: (channel, products, frequency)."""
    sums = resolvent_sums(
        torch.cat([products.real, products.imag], 1),
        torch.stack([Lambda.real, Lambda.imag]),
        torch.stack([-cosine, -cosine]),
        torch.stack([torch.zeros_like(sine), sine]),
    )
    real, imaginary = sums.chunk(2, 1)
    return torch.complex(real.real - imaginary.imag, real.imag + imaginary.real)


def _bilinear_matrix(lam, p, q, step):
    lam, p, q = (x.to(torch.complex128) for x in (lam, p, q))
    return _bilinear(torch.diag_embed(lam) - p.mT @ q.conj(), step)


def _real_bilinear_matrix(lam, p, q, step):
    """A_bar on [Re x; Im x]. A x + its partner's share: lam x - sum_r p_r 2 Re(q_r* x)."""
    lam, p, q = (x.to(torch.complex128) for x in (lam, p, q))
    real, imaginary = torch.diag_embed(lam.real), torch.diag_embed(lam.imag)
    rotation = torch.cat([torch.cat([real, -imaginary], 2), torch.cat([imaginary, real], 2)], 1)
    left, right = (torch.cat([x.real, x.imag], 2) for x in (p, q))
    return _bilinear(rotation - 2 * left.mT @ right, step)


def _bilinear(A, step):
    half = step[:, None, None] / 2 * A
    identity = torch.eye(A.shape[-1], dtype=A.dtype, device=A.device)
    return torch.linalg.solve(identity - half, identity + half)


def _times_power(C, matrix, power, conj_sym):
    """``C A_bar^power`` by repeated squaring: (heads, channel, state)."""
    rows = C.transpose(0, 1).to(torch.complex128)
    if conj_sym:  # 2 Re(C x) = 2 [Re C, -Im C] [Re x; Im x]
        rows = torch.cat([rows.real, -rows.imag], 2)
    with torch.autocast(C.device.type, enabled=False):
        while power:
            if power % 2:
                rows = torch.bmm(rows, matrix)
            power //= 2
            if power:
                matrix = torch.bmm(matrix, matrix)
    if conj_sym:
        real, imaginary = rows.chunk(2, 2)
        rows = torch.complex(real, -imaginary)
    return rows.transpose(0, 1).to(C.dtype)


def _low_rank(factor, channels, state):
    if factor.ndim == 1:
        factor = factor[None]
    return factor.expand(channels, factor.shape[-2], state)


def _check(lam, p, q, B, C, step, length):
    if C.ndim < 2 or not C.is_complex():
        raise ValueError(
            f"C has shape {tuple(C.shape)} and dtype {C.dtype}; needed is a complex "
            "(..., channel, state)"
        )
    channels, state = C.shape[-2:]
    for name, value in (("lam", lam), ("B", B)):
        if value.shape not in ((state,), (1, state), (channels, state)):
            raise ValueError(
                f"{name} has shape {tuple(value.shape)}; needed is {(state,)} or "
                f"{(channels, state)} to go with C"
            )
    rank = p.shape[-2] if p.ndim > 1 else 1
    shapes = [(rank, state), (1, rank, state), (channels, rank, state)]
    if rank == 1:
        shapes.append((state,))
    for name, value in (("p", p), ("q", q)):
        if value.shape not in shapes:
            raise ValueError(
                f"{name} has shape {tuple(value.shape)}; needed is {(rank, state)} or "
                f"{(channels, rank, state)}: rank {rank}, to go with p and C"
            )
    if step.shape != (channels,):
        raise ValueError(f"step has shape {tuple(step.shape)}; needed is one a channel: {channels}")
    if length < 1:
        raise ValueError(f"length is {length}; needed is at least 1")
    # On a GPU to look would be to wait for it, and while compiling there are no values.
    if lam.device.type == "cpu" and not torch.compiler.is_compiling() and bool((lam == 0).any()):
        raise ValueError("an entry of lam is 0; give it a small negative real part")
