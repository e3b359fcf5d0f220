"""Hermite polynomials of probabilists, normalised: orthonormal under the standard normal law.

he_j = He_j / sqrt(j!): he_0 = 1, he_1 = x, and sqrt(j + 1) he_{j+1} = x he_j - sqrt(j) he_{j-1}.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def hermite(x: Float[Tensor, "*shape"], degree: int) -> Float[Tensor, "*shape degrees"]:
    """he_0 to he_degree.

    Raises:
        ValueError: a degree below 0.
    """
    if degree < 0:
        raise ValueError(f"degree={degree}; allowed: 0 or more.")
    found = [torch.ones_like(x), x][: degree + 1]
    for j in range(1, degree):
        found.append((x * found[j] - math.sqrt(j) * found[j - 1]) / math.sqrt(j + 1))
    return torch.stack(found, -1)


def hermite_series(
    x: Float[Tensor, "*shape"], coefficients: Sequence[float]
) -> Float[Tensor, "*shape"]:
    """sum_j c_j he_j(x), by Clenshaw's recurrence: three arrays of x's size, whatever the degree.

    Raises:
        ValueError: no coefficients.
    """
    if not len(coefficients):
        raise ValueError("no coefficients; one or more are wanted.")
    after, after_next = torch.zeros_like(x), torch.zeros_like(x)
    for j in range(len(coefficients) - 1, 0, -1):
        here = coefficients[j] + x * after / math.sqrt(j + 1)
        here = here - math.sqrt((j + 1) / (j + 2)) * after_next
        after, after_next = here, after
    return coefficients[0] + x * after - math.sqrt(1 / 2) * after_next
