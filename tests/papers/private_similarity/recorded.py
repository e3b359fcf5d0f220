"""A backend that writes down what is released, and gives a second data set the answers of the
first."""

from __future__ import annotations

import numpy as np


class Recorder:
    """Noise from a seed, or the outputs of another recorder.

    Attributes:
        released: values and scale of the noise on them, release by release.
        outputs: what was given back.
    """

    private = False

    def __init__(self, first: Recorder | None = None):
        self.rng = np.random.default_rng(0)
        self.first = first
        self.released: list[tuple[np.ndarray, float]] = []
        self.outputs: list[np.ndarray] = []
        self.drawn = 0

    def laplace(self, values, scale):
        return self._given(values, scale, self.rng.laplace)

    def gaussian(self, values, scale):
        return self._given(values, scale, self.rng.normal)

    def _given(self, values, scale, draw):
        if self.first is None:
            self.outputs.append(values + draw(0.0, scale, len(values)))
        else:
            self.outputs.append(self.first.outputs[len(self.released)])
        self.released.append((values.copy(), scale))
        return self.outputs[-1]


def pairs(one: Recorder, other: Recorder):
    """Differences of values and their scale, release by release."""
    assert len(one.released) == len(other.released) > 0
    for (values, scale), (others, same) in zip(one.released, other.released, strict=True):
        assert scale == same, "the noise depends on the points"
        yield values - others, scale


def laplace_loss(one: Recorder, other: Recorder) -> float:
    """The most that the likelihood of all that is released can differ by, ln."""
    return sum(abs(apart).sum() / scale for apart, scale in pairs(one, other))


def gaussian_loss(one: Recorder, other: Recorder) -> float:
    """rho of zero-concentrated privacy."""
    return sum((apart @ apart) / (2 * scale**2) for apart, scale in pairs(one, other))
