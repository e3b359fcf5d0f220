import math

import pytest
import torch

from common.kernels.delay import band_limited_covariance, stationary_delay_error
from common.kernels.dense import dense_zoh, impulse_responses
from common.kernels.discretise import zoh
from common.kernels.hippo import system

RIDGE = 1e-6


def test_a_shift_register_recalls_everything():
    responses = torch.eye(10).double()
    R = band_limited_covariance(10, 0.8)
    assert stationary_delay_error(responses, 4, R, 0.0) < 1e-7
    assert stationary_delay_error(responses[5:], 4, torch.eye(10).double(), 0.0) == 1


def test_one_state_by_hand():
    """White noise into x = a x + u: the best weight on u_lag is a^lag (1 - a^2)."""
    a, lag = 0.8, 3
    responses = a ** torch.arange(200).double()[None]
    got = stationary_delay_error(responses, lag, torch.eye(200).double(), 0.0)
    assert got == pytest.approx(math.sqrt(1 - a ** (2 * lag) * (1 - a**2)), abs=1e-12)


def test_against_sampled_regression():
    torch.manual_seed(0)
    R = band_limited_covariance(60, 0.5)
    responses = impulse_responses(*dense_zoh(*system("legt", 8), 2 / 20), 60)
    root = torch.linalg.cholesky(R + 1e-9 * torch.eye(60).double())
    u = torch.randn(200_000, 60).double() @ root.mT
    x, target = u @ responses.mT, u[:, 20]
    weights = torch.linalg.lstsq(x, target).solution
    wanted = float((x @ weights - target).square().mean().sqrt())
    assert stationary_delay_error(responses, 20, R, 0.0) == pytest.approx(wanted, rel=0.02)


def test_scale_and_dead_states_do_not_matter():
    R = band_limited_covariance(50, 0.5)
    responses = impulse_responses(*dense_zoh(*system("fout", 8), 2 / 20), 50)
    wanted = stationary_delay_error(responses, 20, R, RIDGE)
    scaled = responses * torch.logspace(-3, 3, 8).double()[:, None]
    dead = torch.cat([responses, torch.zeros(1, 50).double()])
    assert stationary_delay_error(scaled, 20, R, RIDGE) == pytest.approx(wanted, rel=1e-9)
    assert stationary_delay_error(dead, 20, R, RIDGE) == pytest.approx(wanted, rel=1e-9)


def test_the_complex_half_is_the_real_system():
    """Conjugate pairs: real and imaginary parts of one half span what the dense states span."""
    R = band_limited_covariance(100, 0.5)
    A, B = system("fourier_diag", 16)
    dense = impulse_responses(*dense_zoh(A, B, 0.05), 100)
    lam = torch.complex(-torch.ones(8).double() / 2, 2 * math.pi * torch.arange(8).double())
    lam_bar, scale = zoh(lam, 0.05)
    half = impulse_responses(lam_bar, scale, 100)
    wanted = stationary_delay_error(dense, 30, R, 1e-12)
    assert stationary_delay_error(half, 30, R, 1e-12) == pytest.approx(wanted, abs=1e-6)


def test_diagonal_starts_of_s4d():
    """Oscillating modes place a delay, real ones cannot (N = 256, lag 250 of 1000, half band)."""
    R, step = band_limited_covariance(1000, 0.5), 2 / 250
    lin = torch.complex(-torch.ones(128).double() / 2, math.pi * torch.arange(128).double())
    lam_bar, scale = zoh(lin, step)
    error = stationary_delay_error(impulse_responses(lam_bar, scale, 1000), 250, R, RIDGE)
    assert error == pytest.approx(0.367, abs=5e-4)
    real = -torch.arange(1, 257).double()
    responses = impulse_responses(torch.exp(real * step), torch.expm1(real * step) / real, 1000)
    assert stationary_delay_error(responses, 250, R, RIDGE) == pytest.approx(0.994, abs=5e-4)


def test_covariance():
    R = band_limited_covariance(5, 0.5)
    assert R.dtype == torch.float64
    assert R[0, 0] == 1
    assert R[0, 1] == pytest.approx(2 / math.pi)
    assert float(R[0, 2]) == pytest.approx(0, abs=1e-16)
    torch.testing.assert_close(band_limited_covariance(4), torch.eye(4).double())


def test_what_is_out_of_range():
    with pytest.raises(ValueError, match="band 0"):
        band_limited_covariance(4, 0.0)
    with pytest.raises(ValueError, match="lag is 4"):
        stationary_delay_error(torch.eye(4).double(), 4, torch.eye(4).double(), 0.0)
    with pytest.raises(ValueError, match=r"covariance has shape \(3, 3\)"):
        stationary_delay_error(torch.eye(4).double(), 1, torch.eye(3).double(), 0.0)
