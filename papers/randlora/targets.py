"""Matrices with planted spectra, to be fitted."""

from __future__ import annotations

import torch
from jaxtyping import Float64
from torch import Tensor


def orthogonal(size: int, generator: torch.Generator) -> Float64[Tensor, "size size"]:
    """Uniform among orthogonal matrices: signs of R's diagonal are moved into Q."""
    q, r = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    return q * r.diagonal().sign()


def planted(size: int, decay: float, generator: torch.Generator) -> Float64[Tensor, "size size"]:
    """P diag(i^-decay) Q^T with random orthogonal P and Q; decay 0 is an orthogonal matrix."""
    values = torch.arange(1, size + 1, dtype=torch.float64) ** -decay
    return orthogonal(size, generator) * values @ orthogonal(size, generator)


def gaussian(
    rows: int, columns: int, generator: torch.Generator
) -> Float64[Tensor, "rows columns"]:
    """Independent standard normal entries."""
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64)
