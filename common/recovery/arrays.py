"""NumPy arrays or torch tensors in, the same kind out."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from common.errors import InvalidInputError

Array = TypeVar("Array", np.ndarray, Tensor)


def as_tensor(array: Array, name: str) -> Tensor:
    """A finite floating-point tensor, sharing an array's numbers.

    Args:
        name: of the argument, for messages.

    Raises:
        InvalidInputError: whole numbers, NaN or infinity.
    """
    tensor = torch.as_tensor(array)
    if tensor.dtype not in (torch.float32, torch.float64):
        raise InvalidInputError(
            f"{name} is of {tensor.dtype}; allowed: float32 or float64. Convert it first."
        )
    if not bool(tensor.isfinite().all()):
        raise InvalidInputError(f"{name} holds NaN or infinity; allowed: finite numbers.")
    return tensor


def like(tensor: Tensor, array: Array) -> Array:
    """Of the kind of ``array``."""
    return tensor if isinstance(array, Tensor) else tensor.cpu().numpy()
