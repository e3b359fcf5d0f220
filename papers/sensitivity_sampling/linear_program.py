"""p = 1: s_i = 1 / theta, theta = max { t : Q^T u = t q_i, |u_j| <= 1 }, by HiGHS's dual simplex.

d equations in n + 1 bounded variables. The form min ||z||_inf with 2 n inequalities says the same
and is slower: ``benchmarks/row_sensitivities.py`` measures both.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_FORM = {"method": "highs-ds"}


def minimise_absolute(
    basis: Float[Tensor, "n d"], constraints: Float[Tensor, "b d"]
) -> tuple[Float[Tensor, "b d"], Float[Tensor, " b"], Float[Tensor, " b"]]:
    """min ||Q x||_1 over c^T x = 1 for each c; see ``newton.minimise``.

    Raises:
        RuntimeError: the solver gives up.
    """
    q, wanted = basis.cpu().numpy(), constraints.cpu().numpy()
    solved = [_one(q, c) for c in wanted]
    x, low, high = (np.array(part) for part in zip(*solved, strict=True))
    return tuple(torch.from_numpy(part).to(basis) for part in (x, low, high))


def _one(q: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, float, float]:
    from scipy.optimize import linprog

    n, d = q.shape
    length = np.linalg.norm(c)
    c = c / length
    found = linprog(
        np.append(np.zeros(n), -1.0),
        A_eq=np.column_stack([q.T, -c]),
        b_eq=np.zeros(d),
        bounds=[(-1, 1)] * n + [(0, None)],
        **_FORM,
    )
    if found.status != 0:
        raise RuntimeError(f"HiGHS found no sensitivity: {found.message}")
    z = found.x[:n] / found.x[n]
    z = z + q @ (c - q.T @ z)
    x = found.eqlin.marginals
    x = x / (c @ x)
    return x / length, 1 / np.abs(z).max() / length, np.abs(q @ x).sum() / length
