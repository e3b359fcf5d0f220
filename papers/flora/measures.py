"""What the paper measures of a change: its norm, and how much it amplifies (analysis section)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def norm(changes: Mapping[str, Tensor]) -> float:
    """Frobenius norm of the changes of all layers together."""
    return float(torch.stack([change.norm() for change in changes.values()]).norm())


def amplification(
    changes: Mapping[str, Tensor], weights: Mapping[str, Tensor], directions: int
) -> float:
    """||dW|| / ||U^T W0 V||, U and V leading singular vectors of the unfolded dW; mean of layers.

    Args:
        directions: how many singular vectors.
    """
    found = []
    for name, change in changes.items():
        matrix = change.flatten(1)
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        inside = left[:, :directions].mT @ weights[name].flatten(1) @ right[:directions].mT
        found.append(float(matrix.norm() / inside.norm()))
    return sum(found) / len(found)
