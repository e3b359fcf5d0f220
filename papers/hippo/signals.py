"""Band-limited white noise, the input of the reconstruction and delay experiments.

As nengo's ``WhiteSignal``, which the official data sets take over. The last step, which makes each
signal start at 0, doubles its variance: it adds a constant, of the variance of the noise.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError


def white_noise(
    samples: int,
    length: int,
    dt: float,
    band: float,
    generator: torch.Generator,
    rms: float = 0.5,
) -> Float[Tensor, "{samples} {length}"]:
    """Gaussian signals of equal power at all frequencies up to ``band``, starting at 0, float64.

    With n = ceil(length/2), n + 1 Fourier coefficients have independent real and imaginary parts
    N(0, rms^2/2), but DC and the last imaginary part are 0, and so is what lies beyond the band;
    the rest is scaled up so that the power stays rms^2.

    Args:
        samples: number of signals.
        length: in steps.
        dt: seconds of a step.
        band: highest frequency, in Hz, above 1/(length dt) and at most 1/(2 dt).
        generator: of the randomness.
        rms: of the noise before its first value is subtracted.

    Raises:
        InvalidInputError: an argument is out of range.
    """
    if samples < 1 or length < 2 or not dt > 0 or not rms > 0:
        raise InvalidInputError(
            f"samples={samples}, length={length}, dt={dt}, rms={rms}; needed are samples >= 1, "
            "length >= 2, dt > 0 and rms > 0."
        )
    if not 1 / (length * dt) <= band <= 0.5 / dt:
        raise InvalidInputError(
            f"band={band} Hz; allowed: from {1 / (length * dt):g}, one period a signal, to "
            f"{0.5 / dt:g}, half the sampling rate."
        )
    n = math.ceil(length / 2)
    frequencies = torch.arange(n + 1, dtype=torch.float64) / (2 * n * dt)
    beyond = frequencies > band
    parts = torch.randn(2, samples, n + 1, generator=generator, dtype=torch.float64)
    real, imaginary = parts * (rms * math.sqrt(0.5))
    real[:, 0] = 0
    imaginary[:, 0] = 0
    imaginary[:, -1] = 0
    coefficients = torch.complex(real, imaginary) * ~beyond
    coefficients *= math.sqrt(2 * n / (1 - int(beyond.sum()) / n))
    signals = torch.fft.irfft(coefficients)[:, :length]
    return signals - signals[:, :1]
