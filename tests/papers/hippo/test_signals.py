import math

import pytest
import torch

from papers.hippo.signals import white_noise


def noise(samples=2000, length=100, dt=0.01, band=10.0, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return white_noise(samples, length, dt, band, generator, **options)


def test_power_and_band():
    u = noise()
    assert u.shape == (2000, 100)
    assert u.dtype == torch.float64
    assert (u[:, 0] == 0).all()
    spectrum = torch.fft.rfft(u).abs().square().mean(0)
    # Frequencies of a signal of one second are whole Hertz; the constant is what starts it at 0.
    assert float(spectrum[11:].max()) < 1e-20 * float(spectrum[5])
    assert float(spectrum[1:11].max() / spectrum[1:11].min()) < 1.3
    centred = u - u.mean(1, keepdim=True)
    assert float(centred.square().mean().sqrt()) == pytest.approx(0.5, rel=0.02)
    assert float(u.square().mean()) == pytest.approx(2 * 0.25, rel=0.05)


@pytest.mark.parametrize("length", [64, 65])
def test_the_whole_band(length):
    u = noise(length=length, band=50.0, rms=1.0)
    assert u.shape[1] == length
    covariance = (u[:, 30] - u[:, 30].mean()) @ (u[:, 31] - u[:, 31].mean()) / len(u)
    # White: neighbours share the constant only.
    assert float(covariance) == pytest.approx(1, abs=0.1)


def test_the_covariance_is_a_sinc():
    u = noise(samples=20_000, length=200, dt=0.01, band=25.0)
    u = u - u.mean(1, keepdim=True)
    got = float((u[:, 50] * u[:, 51]).mean() / u[:, 50].square().mean())
    assert got == pytest.approx(2 / math.pi, abs=0.02)


def test_seeded():
    assert torch.equal(noise(3), noise(3))
    assert not torch.equal(noise(3), noise(3, seed=1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"band": 51.0}, "half the sampling rate"),
        ({"band": 0.5}, "one period"),
        ({"rms": 0}, "rms=0"),
    ],
)
def test_what_is_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        noise(2, **options)
