import math

import pytest
import torch

from common.kernels.discretise import zoh
from common.kernels.hippo import diagonalise_normal, legs, legs_normal
from common.kernels.scan import diagonal_scan
from common.kernels.transfer import (
    frequency_grid,
    lemma1_ratio,
    spike_frequency,
    sup_norm,
    transfer_function,
    transfer_function_diagonal,
    zoh_transfer_function,
    zoh_transfer_function_diagonal,
)


def draw(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def first(n):
    """C = e_0."""
    return torch.eye(n, dtype=torch.float64)[0]


def diag_transfer(n, C, s):
    lam, V = diagonalise_normal(n)
    B = V.mH @ (legs(n)[1] / 2).to(V.dtype)
    return transfer_function_diagonal(lam, B, C.to(V.dtype) @ V, 0.0, s)


@pytest.mark.parametrize("n", [1, 3, 16])
def test_dense_equals_explicit_inverse_for_every_combination_of_ports(n):
    A, s = draw(n, n), draw(5, seed=1)
    for inputs in ((), (2,)):
        for outputs in ((), (3,)):
            B, C = draw(n, *inputs, seed=2), draw(*outputs, n, seed=3)
            G = transfer_function(A, B, C, 0.5, s)
            assert G.shape == (5, *outputs, *inputs)
            for k in range(5):
                expected = C @ torch.linalg.inv(s[k] * torch.eye(n) - A) @ B + 0.5
                torch.testing.assert_close(G[k], expected)


def test_diagonal_equals_dense_and_the_basis_does_not_matter():
    n, s = 12, draw(7, seed=1)
    lam, V = diagonalise_normal(n)
    B, C = draw(n, 2, seed=2), draw(3, n, seed=3)
    dense = transfer_function(legs_normal(n), B, C, 1.0, s)
    torch.testing.assert_close(transfer_function_diagonal(lam, V.mH @ B, C @ V, 1.0, s), dense)


@pytest.mark.parametrize("step", [0.01, 0.1])
def test_zoh_dense_equals_diagonal_and_the_spectrum_of_the_scan(step):
    n = 8
    lam, V = diagonalise_normal(n)
    B, C = draw(n, dtype=torch.float64), draw(n, dtype=torch.float64, seed=1)
    theta = torch.linspace(0, math.pi, 9, dtype=torch.float64)
    dense = zoh_transfer_function(legs_normal(n), B, C, 0.0, step, theta)
    B_diagonal, C_diagonal = V.mH @ B.to(V.dtype), C.to(V.dtype) @ V
    diagonal = zoh_transfer_function_diagonal(lam, B_diagonal, C_diagonal, 0.0, step, theta)
    torch.testing.assert_close(diagonal, dense)

    lam_bar, scale = zoh(lam, torch.tensor(step, dtype=torch.float64))
    length = int(80 / step)  # exp(-40): the response has died out
    impulse = torch.zeros(length, n, dtype=torch.complex128)
    impulse[0] = scale * B_diagonal
    response = diagonal_scan(lam_bar, impulse) @ C_diagonal
    waves = torch.exp(-1j * theta[:, None] * torch.arange(length))
    torch.testing.assert_close(waves @ response, dense)


def test_zoh_of_a_singular_matrix():
    integrator = torch.zeros(1, 1, dtype=torch.float64)
    one, theta = torch.ones(1, dtype=torch.float64), torch.tensor([0.7], dtype=torch.float64)
    z = torch.exp(1j * theta)
    G = zoh_transfer_function(integrator, one, one, 0.0, 0.1, theta)
    torch.testing.assert_close(G, 0.1 * z / (z - 1))


@pytest.mark.parametrize("n", [1, 2, 8, 32, 64])
def test_lemma_1(n):
    """G_DPLR - G_Diag = G_Diag r_n for random s and C, off and on the imaginary axis."""
    A, B = legs(n)
    C = draw(n, dtype=torch.float64)
    s = n * draw(20, seed=1)
    s = torch.cat([torch.complex(s.real.abs() + 0.1, s.imag), 1j * s.imag, torch.zeros(1)])
    dplr = transfer_function(A, B, C, 0.0, s)
    diag = diag_transfer(n, C, s)
    difference = (dplr - diag - diag * lemma1_ratio(s, n)).abs() / dplr.abs().clamp(min=1e-3)
    assert difference.max() < 1e-10


@pytest.mark.parametrize("n", [4, 32])
def test_lemma_1_ratio_on_the_axis(n):
    w = torch.logspace(-2, 4, 30, dtype=torch.float64)
    modulus = lemma1_ratio(1j * w, n).abs()
    torch.testing.assert_close(modulus, w / torch.sqrt(w**2 + n**2))


@pytest.mark.parametrize("n", [4, 16, 64])
def test_hippo_with_the_first_state_is_a_first_order_lag(n):
    s = 1j * frequency_grid(n, 50)
    A, B = legs(n)
    torch.testing.assert_close(transfer_function(A, B, first(n), 0.0, s), 1 / (s + 1))


@pytest.mark.parametrize(("n", "expected"), [(4, 0.6513), (8, 0.6438), (16, 0.6386), (32, 0.6371)])
def test_sup_norm_of_dplr_minus_diag(n, expected):
    """The two HiPPO systems do not converge: the sup falls to 2/pi, not to 0."""

    def difference(s):
        return 1 / (s + 1) - diag_transfer(n, first(n), s)

    sup, w = sup_norm(difference, frequency_grid(n))
    assert abs(sup - expected) < 1e-4
    assert sup > 2 / math.pi
    assert w == pytest.approx(spike_frequency(n), rel=0.05 if n < 16 else 2e-3)


def test_refinement_finds_what_the_bare_grid_misses():
    def difference(s):
        return 1 / (s + 1) - diag_transfer(16, first(16), s)

    grid = frequency_grid(16)
    # What a bare grid reads is luck: 0.54 here, 0.63 with one point fewer.
    assert difference(1j * grid).abs().max() < 0.56
    assert sup_norm(difference, grid)[0] == pytest.approx(0.6386, abs=1e-4)


def test_sup_norm_of_a_known_resonance_and_of_a_matrix():
    def narrow(s):  # peak 1/(2 * damping) at 5, to first order in the damping
        return 25 / (s**2 + 2 * 1e-5 * 5 * s + 25)

    sup, w = sup_norm(narrow, frequency_grid(4))
    assert sup == pytest.approx(5e4, rel=1e-6)
    assert w == pytest.approx(5, rel=1e-8)
    scales = torch.tensor([1.0, -3.0]).double()
    sup, w = sup_norm(lambda s: torch.diag_embed(scales / (s[:, None] + 1)), frequency_grid(4))
    assert (sup, w) == (pytest.approx(3), 0)


@pytest.mark.parametrize(
    ("n", "frequency", "height"),
    [(32, 325.4256, 0.6402), (64, 1303.2737, 0.6375), (128, 5214.6656, 0.6368)],
)
def test_last_spike(n, frequency, height):
    w = spike_frequency(n)
    assert w == pytest.approx(frequency, abs=1e-4)
    s = torch.tensor([1j * w], dtype=torch.complex128)
    assert diag_transfer(n, first(n), s).abs().item() == pytest.approx(height, abs=1e-4)


def test_spikes_follow_their_asymptote():
    for k in range(3):
        odd = (2 * k + 1) * math.pi
        assert spike_frequency(256, k) == pytest.approx(256**2 / odd - odd / 6, rel=1e-3)
    assert 16 < spike_frequency(16) < 20 * 16**2
    for n in (24, 48):
        assert n**2 / math.pi - spike_frequency(n) == pytest.approx(math.pi / 6, rel=0.01)


def test_bad_input():
    with pytest.raises(ValueError, match="square"):
        transfer_function(draw(3, 2), draw(3), draw(3), 0.0, draw(1))
    with pytest.raises(ValueError, match="B has shape"):
        transfer_function(draw(3, 3), draw(2), draw(3), 0.0, draw(1))
    with pytest.raises(ValueError, match="C has shape"):
        transfer_function_diagonal(draw(3), draw(3), draw(2), 0.0, draw(1))
    with pytest.raises(ValueError, match="ascending"):
        sup_norm(lambda s: s, torch.tensor([1.0, 0.0, 2.0]))
    with pytest.raises(ValueError, match="2k \\+ 1"):
        spike_frequency(4, 2)
    with pytest.raises(ValueError, match="n is 0"):
        lemma1_ratio(draw(1), 0)
