"""Completion as a scikit-learn estimator (extra ``sklearn``)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int

from common.errors import InvalidInputError, UserError
from papers.altmin_completion.models import alternate, random_start, spectral_start
from papers.altmin_completion.observed import Observed
from papers.altmin_completion.solvers import ConjugateGradient, Exact, Sketched, Solver

try:
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:
    raise UserError(
        "The estimator needs scikit-learn, which is not installed: pip install "
        "'structlab[sklearn]'. papers.altmin_completion.models works without."
    ) from None


class AltMinCompletion(TransformerMixin, BaseEstimator):
    """Low-rank completion by alternating minimisation; an imputer of what is NaN or not stored.

    Args:
        rank: k.
        solver: of half rounds: "cg", a few warm steps; "exact"; or "sketch".
        inner_steps: of "cg" and "sketch".
        rounds: at most.
        ridge: added to every row's problem, a fraction of full observation; for ratings. "sketch"
            has none.
        start: "spectral" or "random".
        tolerance: relative misfit on the known entries at which it ends.
        random_state: of a random start and of sketches.

    Attributes:
        left_: (n_samples, k).
        components_: (k, n_features), orthonormal rows.
        misfits_: relative, of every round.
        n_features_in_: columns.
    """

    def __init__(
        self,
        rank: int = 5,
        *,
        solver: Literal["cg", "exact", "sketch"] = "cg",
        inner_steps: int = 3,
        rounds: int = 30,
        ridge: float = 0.0,
        start: Literal["spectral", "random"] = "spectral",
        tolerance: float = 1e-10,
        random_state: int = 0,
    ):
        self.rank = rank
        self.solver = solver
        self.inner_steps = inner_steps
        self.rounds = rounds
        self.ridge = ridge
        self.start = start
        self.tolerance = tolerance
        self.random_state = random_state

    def fit(self, X, y=None) -> AltMinCompletion:
        """Fit to the known entries.

        Args:
            X: (n_samples, n_features); an array whose unknown entries are NaN, or a sparse matrix
                whose stored entries, zeros among them, are known.
            y: ignored.

        Raises:
            InvalidInputError: no entry, infinity, an entry given twice, NaN stored in a sparse
                matrix, or a rank that the shape does not allow.
        """
        observed = entries(self._validated(X, reset=True))
        if self.start not in ("spectral", "random"):
            raise InvalidInputError(f"start={self.start!r}; allowed: 'spectral' or 'random'.")
        first = (
            spectral_start(observed, self.rank)
            if self.start == "spectral"
            else random_start(observed, self.rank, self.random_state)
        )
        found = alternate(observed, first, self.rounds, self._solver(), tolerance=self.tolerance)
        self.left_, self.components_ = found.left.numpy(), found.right.mT.numpy()
        self.misfits_ = found.misfits
        return self

    def transform(self, X) -> Float[np.ndarray, "n_samples n_features"]:
        """The rows of X, which need not be those of ``fit``, with what is unknown filled in.

        A row's own least-squares problem against ``components_``; a row of which nothing is known
        becomes 0.

        Raises:
            InvalidInputError: infinity, an entry given twice, or NaN stored in a sparse matrix.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        if not (X.nnz if hasattr(X, "tocoo") else (~np.isnan(X)).any()):
            return np.zeros(X.shape)  # nothing is known of any row
        observed = entries(X)
        basis = torch.from_numpy(np.ascontiguousarray(self.components_.T))
        start = basis.new_zeros(observed.shape[0], basis.shape[1])
        left = Exact(ridge=self.ridge).solve(observed, basis, start)
        filled = left @ basis.mT
        filled[observed.rows, observed.columns] = observed.values
        return filled.numpy()

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags

    def entries_at(
        self, rows: Int[np.ndarray, " e"], columns: Int[np.ndarray, " e"]
    ) -> Float[np.ndarray, " e"]:
        """Entries of the matrix that was fitted, at some places."""
        check_is_fitted(self)
        return (self.left_[rows] * self.components_.T[columns]).sum(-1)

    def reconstruct(self) -> Float[np.ndarray, "n_samples n_features"]:
        """The whole matrix that was fitted: its known entries as well are those of U V^T."""
        check_is_fitted(self)
        return self.left_ @ self.components_

    def _validated(self, X, *, reset: bool):
        return validate_data(
            self,
            X,
            reset=reset,
            accept_sparse="coo",
            ensure_all_finite="allow-nan",
            dtype=np.float64,
        )

    def _solver(self) -> Solver:
        if self.solver == "cg":
            return ConjugateGradient(self.inner_steps, ridge=self.ridge)
        if self.solver == "exact":
            return Exact(ridge=self.ridge)
        if self.solver != "sketch":
            raise InvalidInputError(f"solver={self.solver!r}; allowed: 'cg', 'exact' or 'sketch'.")
        if self.ridge:
            raise InvalidInputError(f"solver='sketch' has no ridge ({self.ridge}); take 'cg'.")
        return Sketched(self.inner_steps, seed=self.random_state)


def entries(X) -> Observed:
    """Known entries of an array with NaN, or of a sparse matrix."""
    if hasattr(X, "tocoo"):
        coo = X.tocoo()
        values = np.asarray(coo.data, dtype=float)
        place = (torch.from_numpy(np.asarray(i, dtype=np.int64)) for i in (coo.row, coo.col))
        return Observed(coo.shape, *place, torch.from_numpy(values))
    matrix = torch.from_numpy(np.array(X, dtype=float))
    return Observed.of_mask(matrix, ~matrix.isnan())
