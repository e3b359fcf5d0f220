"""What is added to a sum before it is released: Laplace, discrete Laplace or Gaussian noise, by how
much one record can change the sum.

A mechanism knows its budget; where the noise comes from is its backend's: ``opendp_backend.OpenDP``
for releases, ``simulation.Simulation`` for experiments that have to repeat.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Protocol

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import log_ndtr
from torch import Tensor

from common.errors import InvalidInputError

Neighbors = Literal["add_remove", "replace"]


class Backend(Protocol):
    """Where noise comes from.

    Attributes:
        private: whether what it gives may be called private.
        drawn: numbers so far.
    """

    private: bool
    drawn: int

    def laplace(self, values: Float[np.ndarray, " n"], scale: float) -> Float[np.ndarray, " n"]: ...

    def discrete_laplace(
        self, values: Float[np.ndarray, " n"], scale: float
    ) -> Float[np.ndarray, " n"]: ...

    def gaussian(
        self, values: Float[np.ndarray, " n"], deviation: float
    ) -> Float[np.ndarray, " n"]: ...


class NoiseMechanism(ABC):
    """Sensitivity in, noise out.

    Attributes:
        norm: 1 or 2, in which a sum's sensitivity is to be measured.
        neighbors: data sets that are to look alike differ by one record more or less, or by what
            one record is: then a sum changes by twice as much.
    """

    norm: ClassVar[int]
    neighbors: Neighbors

    def release(self, values: Float[Tensor, "*s"], sensitivity: float) -> Float[Tensor, "*s"]:
        """The values with noise, float64 on their device.

        Args:
            sensitivity: the most that one record more or less changes them by, in the norm,
                rounding included: sums are better added up in float64.

        Raises:
            InvalidInputError: a sensitivity that is not above 0, or values that are not finite: no
                noise hides an infinity.
        """
        if not 0 < sensitivity < math.inf:
            raise InvalidInputError(f"sensitivity={sensitivity}; allowed: above 0, and finite.")
        if not bool(values.isfinite().all()):
            raise InvalidInputError("Values to be released hold NaN or infinity; allowed: finite.")
        flat = values.detach().double().cpu().numpy().ravel()
        noisy = torch.from_numpy(self._noisy(flat, self.unit * sensitivity))
        return noisy.reshape(values.shape).to(values.device)

    @property
    def unit(self) -> float:
        """What one record can do, in units of its weight in a sum."""
        return 2.0 if self.neighbors == "replace" else 1.0

    @abstractmethod
    def deviation(self, sensitivity: float) -> float:
        """Of the noise on each number."""

    @abstractmethod
    def share(self, fraction: float) -> NoiseMechanism:
        """The same with a part of the budget; parts that sum to 1 spend it whole."""

    @abstractmethod
    def _noisy(
        self, values: Float[np.ndarray, " n"], sensitivity: float
    ) -> Float[np.ndarray, " n"]: ...


@dataclass(frozen=True)
class Laplace(NoiseMechanism):
    """(epsilon, 0)-DP: scale sensitivity / epsilon, the l1 norm."""

    epsilon: float
    backend: Backend
    neighbors: Neighbors = "add_remove"
    norm: ClassVar[int] = 1

    def __post_init__(self) -> None:
        _check(self.epsilon, "epsilon", self.neighbors)

    def scale(self, sensitivity: float) -> float:
        """b, of density exp(-|z| / b) / (2 b)."""
        return self.unit * sensitivity / self.epsilon

    def deviation(self, sensitivity: float) -> float:
        return math.sqrt(2) * self.scale(sensitivity)

    def share(self, fraction: float) -> Laplace:
        return replace(self, epsilon=self.epsilon * _part(fraction))

    def _noisy(
        self, values: Float[np.ndarray, " n"], sensitivity: float
    ) -> Float[np.ndarray, " n"]:
        return self.backend.laplace(values, sensitivity / self.epsilon)


@dataclass(frozen=True)
class DiscreteLaplace(Laplace):
    """(epsilon, 0)-DP of whole numbers (Ghosh, Roughgarden and Sundararajan 2009): P(z) is
    proportional to exp(-|z| / b)."""

    def deviation(self, sensitivity: float) -> float:
        ratio = math.exp(-1 / self.scale(sensitivity))
        return math.sqrt(2 * ratio) / (1 - ratio)

    def _noisy(
        self, values: Float[np.ndarray, " n"], sensitivity: float
    ) -> Float[np.ndarray, " n"]:
        if (values != np.rint(values)).any():
            raise InvalidInputError("Discrete noise is for whole numbers; take Laplace.")
        return self.backend.discrete_laplace(values, sensitivity / self.epsilon)


@dataclass(frozen=True)
class Gaussian(NoiseMechanism):
    """rho-zCDP (Bun and Steinke 2016): deviation sensitivity / sqrt(2 rho), the l2 norm."""

    rho: float
    backend: Backend
    neighbors: Neighbors = "add_remove"
    norm: ClassVar[int] = 2

    def __post_init__(self) -> None:
        _check(self.rho, "rho", self.neighbors)

    @classmethod
    def of(
        cls,
        epsilon: float,
        delta: float,
        backend: Backend,
        neighbors: Neighbors = "add_remove",
    ) -> Gaussian:
        """The least noise that is (epsilon, delta)-DP (Balle and Wang 2018, theorem 8).

        Several releases whose shares sum to 1 are so too: Gaussian mechanisms compose like one.
        """
        _check(epsilon, "epsilon", neighbors)
        if not 0 < delta < 1:
            raise InvalidInputError(f"delta={delta}; allowed: above 0 and below 1.")
        ratio = brentq(lambda log: _delta(epsilon, math.exp(log)) - delta, -40, 40)
        return cls(math.exp(ratio) ** 2 / 2, backend, neighbors)

    def deviation(self, sensitivity: float) -> float:
        return self.unit * sensitivity / math.sqrt(2 * self.rho)

    def share(self, fraction: float) -> Gaussian:
        return replace(self, rho=self.rho * _part(fraction))

    def _noisy(
        self, values: Float[np.ndarray, " n"], sensitivity: float
    ) -> Float[np.ndarray, " n"]:
        return self.backend.gaussian(values, sensitivity / math.sqrt(2 * self.rho))


def _delta(epsilon: float, mu: float) -> float:
    """Of noise whose deviation is sensitivity / mu."""
    first = math.exp(log_ndtr(mu / 2 - epsilon / mu))
    return first - math.exp(epsilon + log_ndtr(-mu / 2 - epsilon / mu))


def _check(budget: float, name: str, neighbors: str) -> None:
    if not 0 < budget < math.inf:
        raise InvalidInputError(f"{name}={budget}; allowed: above 0, and finite.")
    if neighbors not in ("add_remove", "replace"):
        raise InvalidInputError(f"neighbors={neighbors!r}; allowed: 'add_remove' or 'replace'.")


def _part(fraction: float) -> float:
    if not 0 < fraction <= 1:
        raise InvalidInputError(f"a share of {fraction}; allowed: above 0, at most 1.")
    return fraction
