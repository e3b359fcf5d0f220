"""Every measure by what its kernel is, not by how its matrix is written."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import pade
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.special import eval_genlaguerre, eval_laguerre, eval_legendre, gamma

from common.kernels.hippo import MEASURES, delay_readout, glagt, lagt, legs, low_rank, nplr, system
from common.kernels.transfer import transfer_function

properties = settings(max_examples=25, deadline=None, derandomize=True)


def kernel(A, B, t):
    """e^{tA} B, one matrix exponential a time: (times, n)."""
    A, B = np.asarray(A), np.asarray(B)
    return np.stack([expm(s * A) @ B for s in np.atleast_1d(t)])


def shifted_legendre(n, x):
    """L_k(x) = sqrt(2k+1) P_k(2x - 1), k < n: (points, n)."""
    k = np.arange(n)
    return np.sqrt(2 * k + 1) * eval_legendre(k, 2 * np.asarray(x)[:, None] - 1)


@pytest.mark.parametrize("n", [4, 16, 32])
def test_legs_is_exponentially_warped_legendre(n):
    t = np.linspace(0.01, 6, 40)
    wanted = np.exp(-t)[:, None] * shifted_legendre(n, np.exp(-t))
    assert abs(kernel(*legs(n), t) - wanted).max() < 1e-10


@pytest.mark.parametrize(
    ("n", "w", "error"), [(4, 1, 1.6e-4), (8, 1, 4.6e-13), (8, 5, 1.4e-2), (16, 5, 5.7e-13)]
)
def test_legt_delays_by_two(n, w, error):
    s = torch.tensor([1j * w], dtype=torch.complex128)
    G = transfer_function(*system("legt", n), delay_readout(n), 0.0, s)
    got = float((G - torch.exp(-2 * s)).abs())
    assert got == pytest.approx(error, rel=0.05, abs=2e-14)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_legt_is_a_pade_approximant(n):
    p, q = pade([(-2.0) ** k / math.factorial(k) for k in range(2 * n)], n, n - 1)
    s = torch.tensor([0.3j, 1 + 1j, 4j, 2.0], dtype=torch.complex128)
    G = transfer_function(*system("legt", n), delay_readout(n), 0.0, s)
    assert abs(G.numpy() - p(s.numpy()) / q(s.numpy())).max() < 1e-10


def test_legt_vanishes_after_its_window():
    n = 64
    t = np.array([0.3, 1.0, 1.7])
    wanted = np.sqrt(2 * np.arange(8) + 1) / 2 * eval_legendre(np.arange(8), 1 - t[:, None])
    assert abs(kernel(*system("legt", n), t)[:, :8] - wanted).max() < 0.1
    assert abs(kernel(*system("legt", n), [2.3, 3.0])[:, :8]).max() < 0.1


def test_lagt_is_laguerre_and_uniform():
    n, t = 12, np.linspace(0, 8, 30)
    A, B = lagt(n)
    wanted = np.exp(-t / 2)[:, None] * eval_laguerre(np.arange(n), t[:, None])
    assert abs(kernel(A, B, t) - wanted).max() < 1e-10
    gram = solve_continuous_lyapunov(A.numpy(), -np.outer(B, B))
    assert abs(gram - np.eye(n)).max() < 1e-10
    assert torch.equal(lagt(n, b=3.0)[1], 3 * B)


# No subnormal numbers: a run in the same process switches them off, and they matter nowhere here.
@properties
@given(st.floats(-0.9, 0.9, allow_subnormal=False), st.floats(0.01, 2))
def test_generalised_laguerre(alpha, beta):
    n, t = 6, np.array([0.0, 0.5, 2.0])
    k = np.arange(n)
    c = np.sqrt(gamma(k + alpha + 1) / gamma(k + 1))
    polynomials = eval_genlaguerre(k, alpha, t[:, None]) / c
    scale = beta ** ((1 - alpha) / 2) / np.sqrt(gamma(1 - alpha))
    wanted = scale * np.exp(-(1 + beta) * t / 2)[:, None] * polynomials
    np.testing.assert_allclose(kernel(*glagt(n, alpha, beta), t), wanted, rtol=1e-9, atol=1e-11)


def test_generalised_laguerre_tends_to_laguerre():
    torch.testing.assert_close(glagt(5, 0.0, 1e-12)[0], lagt(5)[0])
    assert torch.equal(glagt(4, beta=1.0)[0], -torch.ones(4, 4).tril().double())
    with pytest.raises(ValueError, match="alpha is 1"):
        glagt(4, alpha=1.0)
    with pytest.raises(ValueError, match="beta 0"):
        glagt(4, beta=0.0)


@pytest.mark.parametrize(("n", "inside", "outside"), [(16, 0.133, 0.082), (64, 0.054, 0.018)])
def test_fout_is_fourier_on_its_window_and_nothing_after(n, inside, outside):
    A, B = system("fout", n)
    t = np.linspace(0.05, 1.9, 186)
    error = abs(kernel(A, B, t)[:, 2] - np.cos(math.pi * t) / math.sqrt(2)).max()
    assert error == pytest.approx(inside, rel=0.02)
    # Up to 3.9: what is left of the edge at 2 comes round at 4, a spike as narrow as 1/n.
    assert abs(kernel(A, B, np.linspace(2.1, 3.9, 181))[:, 2]).max() <= outside


def test_fout_names_its_states():
    K = kernel(*system("fout", 128), [0.7])[0]
    root, t = math.sqrt(2), 0.7
    wanted = [0.5, 0]
    for m in (1, 2):
        wanted += [math.cos(math.pi * m * t) / root, math.sin(math.pi * m * t) / root]
    assert abs(K[:6] - wanted).max() < 0.03
    assert K[1] == 0


def test_fourier2_runs_twice_as_fast():
    t = np.array([0.1, 0.4, 1.3])
    slow, fast = kernel(*system("fout", 16), 2 * t), kernel(*system("fourier2", 16), t)
    np.testing.assert_allclose(fast, 2 * slow, atol=1e-12)


def test_fourier_decay_weighs_each_period_a_third():
    """With half of the correction, the jump at each edge divides the kernel by three."""
    A, B = system("fourier_decay", 256)
    K = kernel(A, B, [0.5, 2.5, 4.5])[:, 3]  # sin(pi t) is 1 there
    np.testing.assert_allclose(K, 2**0.5 / np.array([3, 9, 27]), rtol=0.02)


def test_fourier_diag_rings_for_ever():
    t = np.linspace(0, 5, 50)
    K = kernel(*system("fourier_diag", 8), t)
    damped = np.exp(-t / 2)
    np.testing.assert_allclose(K[:, 0], damped, atol=1e-12)
    np.testing.assert_allclose(K[:, 2], 2**0.5 * damped * np.cos(2 * math.pi * t), atol=1e-12)
    np.testing.assert_allclose(K[:, 5], 2**0.5 * damped * np.sin(4 * math.pi * t), atol=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
@properties
@given(half=st.integers(1, 20))
def test_normal_plus_low_rank(measure, half):
    n = 2 * half
    A, B = system(measure, n)
    parts = nplr(measure, n)
    assert A.dtype == B.dtype == parts.P.dtype == torch.float64
    rank = {"legt": 2, "fourier_diag": 0}.get(measure, 1)
    assert parts.P.shape == (rank, n)
    normal = A + parts.P.mT @ parts.P
    scale = float(normal.abs().max())
    torch.testing.assert_close(
        normal @ normal.mT, normal.mT @ normal, rtol=0, atol=1e-12 * scale**2
    )
    rebuilt = (parts.V * parts.lam) @ parts.V.mH
    assert float((rebuilt - normal).abs().max()) <= 1e-10
    identity = torch.eye(n, dtype=torch.complex128)
    torch.testing.assert_close(parts.V.mH @ parts.V, identity, rtol=0, atol=1e-12)
    # Conjugate pairs to the last bit, and half of the modes is the whole real system.
    assert torch.equal(parts.lam, parts.lam.flip(0).conj())
    assert torch.equal(parts.V, parts.V.flip(1).conj())
    assert len(parts.lam.real.unique()) == 1
    assert (parts.lam.imag.diff() >= 0).all()
    V, lam = parts.V[:, :half], parts.lam[:half]
    half_sum = 2 * ((V * lam) @ V.mH).real
    torch.testing.assert_close(half_sum, normal, rtol=0, atol=1e-10)
    assert torch.equal(parts.B, B)


@pytest.mark.parametrize("measure", ["legs", "legt", "lagt", "glagt"])
@pytest.mark.parametrize("n", [1, 5])
def test_odd_sizes(measure, n):
    parts = nplr(measure, n)
    normal = system(measure, n)[0] + parts.P.mT @ parts.P
    torch.testing.assert_close(
        (parts.V * parts.lam) @ parts.V.mH, normal.to(torch.complex128), rtol=0, atol=1e-12
    )
    assert torch.equal(parts.V, parts.V.flip(1).conj())


def test_legs_spectrum():
    parts = nplr("legs", 64)
    assert parts.lam.imag.max() == pytest.approx(1303.27, abs=0.01)
    assert float((parts.lam.real + 0.5).abs().max()) < 1e-13
    # A projection on an unclipped B: 40.8 for the fastest mode, where the S4 code cuts at 2.
    assert float((parts.V.mH @ parts.B.to(torch.complex128)).abs().max()) > 40


@pytest.mark.parametrize("measure", ["fout", "legt"])
def test_skew_normal_parts(measure):
    assert float(nplr(measure, 16).lam.real.abs().max()) < 1e-14


def test_fourier_modes_by_the_eigensolver():
    for measure in ("fout", "fourier2", "fourier_decay", "fourier_diag"):
        parts = nplr(measure, 12)
        normal = system(measure, 12)[0] + low_rank(measure, 12).mT @ low_rank(measure, 12)
        w = torch.linalg.eigvals(normal).imag.sort().values
        torch.testing.assert_close(w, parts.lam.imag, rtol=0, atol=1e-12)


def test_the_zero_pair_of_fout_is_conjugate():
    V = nplr("fout", 8).V
    wanted = torch.zeros(8, dtype=torch.complex128)
    wanted[:2] = torch.tensor([1, 1j]) / 2**0.5
    torch.testing.assert_close(V[:, 3], wanted)
    torch.testing.assert_close(V[:, 4], wanted.conj())


def test_large_sizes_keep_their_precision():
    parts = nplr("legs", 256)
    normal = legs(256)[0] + parts.P.mT @ parts.P
    error = float(((parts.V * parts.lam) @ parts.V.mH - normal).abs().max())
    assert error <= 1e-10


@pytest.mark.parametrize("function", [system, low_rank, nplr])
def test_what_cannot_be_asked_for(function):
    with pytest.raises(ValueError, match=r"'legendre'; allowed: legs, legt"):
        function("legendre", 4)
    with pytest.raises(ValueError, match="n is 0"):
        function("legs", 0)
    with pytest.raises(ValueError, match="n is 7"):
        function("fout", 7)
