"""A kernel density and a classifier with scikit-learn's conventions (extra ``sklearn``). Both take
their noise from OpenDP (extra ``privacy``) unless a simulation is asked for."""

from __future__ import annotations

from numbers import Integral
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from common.errors import InvalidInputError, UserError
from papers.private_similarity.class_means import ClassMeans, Rule
from papers.private_similarity.kernels import FeatureMap, Kernel, KernelSums
from papers.private_similarity.mechanisms import (
    Backend,
    Gaussian,
    Laplace,
    Neighbors,
    NoiseMechanism,
)
from papers.private_similarity.opendp_backend import OpenDP
from papers.private_similarity.simulation import Simulation

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise UserError(
        "The estimators need scikit-learn 1.6, which is not installed: pip install "
        "'structlab[sklearn]'. papers.private_similarity.models works without."
    ) from None

Noise = Literal["opendp", "simulation"]
FLOATS = (np.float64, np.float32)


class PrivateKernelDensity(BaseEstimator):
    """The average kernel of private points to a query.

    Args:
        epsilon: of differential privacy; n is public.
        delta: 0 for Laplace noise; above it for Gaussian noise, which does not grow with
            ``features``.
        kernel: ``gaussian`` exp(-||x - y||^2), ``exponential`` exp(-||x - y||), ``laplacian``
            exp(-||x - y||_1), of points over the bandwidth.
        bandwidth: chosen without the points.
        features: pairs of random Fourier features.
        projected: dimensions kept by a random projection before them; None: all.
        noise: ``opendp``; or ``simulation``, which repeats and is not private.
        neighbors: data sets that are to look alike differ by one record more or less, or by what
            one record is (``replace``).
        random_state: of the features, and of simulated noise.

    Attributes:
        sums_: what is released.
        n_features_in_: columns.
    """

    def __init__(
        self,
        epsilon: float = 1.0,
        *,
        delta: float = 0.0,
        kernel: Kernel = "gaussian",
        bandwidth: float = 1.0,
        features: int = 500,
        projected: int | None = None,
        neighbors: Neighbors = "add_remove",
        noise: Noise = "opendp",
        random_state: int = 0,
    ):
        self.epsilon = epsilon
        self.delta = delta
        self.neighbors = neighbors
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.features = features
        self.projected = projected
        self.noise = noise
        self.random_state = random_state

    def fit(self, X, y=None) -> PrivateKernelDensity:
        """Release once.

        Args:
            X: (n_samples, n_features).
            y: ignored.
        """
        X = validate_data(self, X, dtype=FLOATS, force_writeable=True)
        drawn = FeatureMap.draw(
            X.shape[1],
            self.features,
            kernel=self.kernel,
            bandwidth=self.bandwidth,
            projected=self.projected,
            seed=_seed(self.random_state),
        )
        mechanism = _mechanism(self)
        self.sums_ = KernelSums.release(X, mechanism, drawn)
        return self

    def predict(self, X) -> Float[np.ndarray, " n_samples"]:
        """Average kernels, cut to [0, 1]."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, force_writeable=True, reset=False)
        return self.sums_.query(X, clip=True)


class PrivateMeanClassifier(ClassifierMixin, BaseEstimator):
    """The class whose noisy mean is most alike.

    Args:
        epsilon: of differential privacy, of records with their labels; the classes, and how many
            records each has, are public.
        delta: 0 for Laplace noise; above it for Gaussian noise.
        rule: ``average`` similarity, or ``nearest_mean``.
        normalize: every row to norm 1; without, longer rows alone.
        noise: ``opendp``; or ``simulation``, which repeats and is not private.
        neighbors: as of ``PrivateKernelDensity``.
        random_state: of simulated noise.

    Attributes:
        classes_: labels.
        means_: what is released, (n_classes, n_features).
        n_features_in_: columns.
    """

    def __init__(
        self,
        epsilon: float = 1.0,
        *,
        delta: float = 1e-5,
        rule: Rule = "nearest_mean",
        normalize: bool = True,
        neighbors: Neighbors = "add_remove",
        noise: Noise = "opendp",
        random_state: int = 0,
    ):
        self.epsilon = epsilon
        self.delta = delta
        self.neighbors = neighbors
        self.rule = rule
        self.normalize = normalize
        self.noise = noise
        self.random_state = random_state

    def fit(self, X, y) -> PrivateMeanClassifier:
        """Release once.

        Args:
            X: (n_samples, n_features).
            y: (n_samples,), labels.
        """
        X, y = validate_data(self, X, y, dtype=FLOATS, force_writeable=True)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        mechanism = _mechanism(self)
        released = ClassMeans.release(
            torch.from_numpy(self._rows(X)), torch.from_numpy(labels), len(self.classes_), mechanism
        )
        self.means_ = released.means.numpy()
        return self

    def scores(self, X) -> Float[np.ndarray, "n_samples n_classes"]:
        """Similarities to the classes."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=FLOATS, force_writeable=True, reset=False)
        means = ClassMeans(torch.from_numpy(self.means_))
        return means.scores(torch.from_numpy(self._rows(X)), self.rule).numpy()

    def predict(self, X):
        """The most alike class of each row."""
        scores = self.scores(X)
        return self.classes_[scores.argmax(1)]

    def _rows(self, X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        if not self.normalize:
            return X
        norms = np.linalg.norm(X, axis=1, keepdims=True)
        return np.divide(X, norms, out=np.zeros_like(X), where=norms > 0)


def _mechanism(model: PrivateKernelDensity | PrivateMeanClassifier) -> NoiseMechanism:
    if model.noise not in ("opendp", "simulation"):
        raise InvalidInputError(f"noise={model.noise!r}; allowed: 'opendp' or 'simulation'.")
    private = model.noise == "opendp"
    backend: Backend = OpenDP() if private else Simulation(_seed(model.random_state))
    if model.delta == 0:
        return Laplace(model.epsilon, backend, model.neighbors)
    return Gaussian.of(model.epsilon, model.delta, backend, model.neighbors)


def _seed(random_state: int | np.random.RandomState | None) -> int:
    if isinstance(random_state, Integral):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
