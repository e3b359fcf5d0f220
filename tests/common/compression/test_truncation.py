"""Truncated decompositions."""

from __future__ import annotations

import pytest
import torch

from common.compression.truncation import left_projection, svd


def test_the_error_is_the_tail():
    matrix = torch.randn(6, 9, dtype=torch.float64)
    factors = svd(matrix)
    for rank in range(7):
        error = (factors.to_rank(rank).product() - matrix).square().sum()
        assert float(error) == pytest.approx(float(factors.S[rank:].square().sum()), abs=1e-12)
    left, right = factors.balanced()
    torch.testing.assert_close(left @ right, matrix)


def test_a_batch_and_half_precision():
    matrices = torch.randn(3, 4, 5)
    torch.testing.assert_close(svd(matrices).product(), matrices)
    assert svd(matrices.bfloat16()).S.dtype == torch.float32


def test_the_gram_matrix_gives_the_same_projection():
    torch.manual_seed(0)
    matrix = torch.randn(40, 300)
    vectors, energies = left_projection(matrix)
    factors = svd(matrix)
    for rank in (1, 10, 39):
        projected = vectors[:, :rank] @ (vectors[:, :rank].mT @ matrix)
        expected = factors.to_rank(rank).product()
        assert (projected - expected).norm() <= 1e-5 * matrix.norm()
    torch.testing.assert_close(energies, factors.S.square(), rtol=1e-4, atol=1e-2)


def test_not_finite():
    with pytest.raises(ValueError, match="not finite"):
        svd(torch.tensor([[float("nan")]]))
