"""Real tables that come with scikit-learn (extra ``sklearn``). The paper has no data: none of these
is its."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from common.data.prepared import content_sha256
from common.errors import InvalidInputError, MissingDataError

REAL = ("wine", "diabetes", "digits")


@dataclass(frozen=True)
class Table:
    """A table, ready to be sampled.

    Attributes:
        name: of the set.
        matrix: standardised columns and an intercept, constant columns left out; float64.
        target: what is to be predicted, standardised.
    """

    name: str
    matrix: Float[Tensor, "n d"]
    target: Float[Tensor, " n"]

    @property
    def entry(self) -> dict[str, Any]:
        """What a record says of it."""
        arrays = {"matrix": self.matrix.numpy(), "target": self.target.numpy()}
        return {
            "key": f"sklearn/{self.name}",
            "name": self.name,
            "source": "scikit-learn",
            "content_sha256": content_sha256(arrays),
            "is_paper_data": False,
        }


def load(name: str, components: int | None = None) -> Table:
    """One of ``REAL``: wine 178 x 14, diabetes 442 x 11, digits 1,797 x 62.

    Args:
        components: leading principal components in place of all columns.

    Raises:
        InvalidInputError: another name, or more components than columns.
        MissingDataError: scikit-learn is not installed.
    """
    if name not in REAL:
        raise InvalidInputError(f"table {name!r}; allowed: {', '.join(REAL)}.")
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingDataError(
            f"The table {name!r} comes with scikit-learn, which",
            "Install it with `pip install 'structlab[sklearn]'`.",
        ) from error

    raw = getattr(datasets, f"load_{name}")()
    columns = _standardised(np.asarray(raw.data, dtype=float))
    if components is not None:
        if not 1 <= components <= columns.shape[1]:
            raise InvalidInputError(
                f"components={components}; {name} allows 1 to {columns.shape[1]}."
            )
        u, s, _ = np.linalg.svd(columns, full_matrices=False)
        columns = _standardised(u[:, :components] * s[:components])
    matrix = np.column_stack([columns, np.ones(len(columns))])
    target = _standardised(np.asarray(raw.target, dtype=float)[:, None])[:, 0]
    return Table(name, torch.from_numpy(matrix), torch.from_numpy(target))


def entries(names: Sequence[str]) -> list[dict[str, Any]]:
    """What a record says of several."""
    return [load(name).entry for name in names]


def _standardised(columns: np.ndarray) -> np.ndarray:
    deviation = columns.std(0)
    kept = deviation > 1e-12 * np.abs(columns).max()
    return (columns[:, kept] - columns[:, kept].mean(0)) / deviation[kept]
