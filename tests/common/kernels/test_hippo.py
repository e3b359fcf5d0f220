import pytest
import torch

from common.kernels.hippo import diagonalise_normal, legs, legs_low_rank, legs_normal


def entry(i, j):
    """The definition, one entry at a time."""
    if i == j:
        return -(i + 1.0)
    return -(((2 * i + 1) * (2 * j + 1)) ** 0.5) if i > j else 0.0


def test_entries():
    A, B = legs(6)
    expected = torch.tensor([[entry(i, j) for j in range(6)] for i in range(6)]).double()
    torch.testing.assert_close(A, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(B**2, 2 * torch.arange(6).double() + 1)


@pytest.mark.parametrize(
    ("n", "norm"),
    [(8, 40.8099), (16, 163.0336), (32, 651.9558), (64, 2607.6513), (128, 10430.4349)],
)
def test_spectral_norm(n, norm):
    assert abs(torch.linalg.matrix_norm(legs(n)[0], 2).item() - norm) < 1e-4


@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_normal_plus_low_rank(n):
    A, B = legs(n)
    A_perp, p = legs_normal(n), legs_low_rank(n)
    torch.testing.assert_close(A, A_perp - torch.outer(p, p), rtol=1e-14, atol=1e-13)
    torch.testing.assert_close(A_perp, A + torch.outer(B, B) / 2, rtol=1e-14, atol=1e-13)
    torch.testing.assert_close(A_perp @ A_perp.T, A_perp.T @ A_perp, rtol=1e-12, atol=1e-10)
    # the identity behind Lemma 1: A_H + A_H^T + B_H B_H^T = -I
    torch.testing.assert_close(
        A + A.T + torch.outer(B, B), -torch.eye(n).double(), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("n", [1, 2, 16, 128])
def test_diagonalisation(n):
    lam, V = diagonalise_normal(n)
    identity = torch.eye(n, dtype=torch.complex128)
    torch.testing.assert_close(V.mH @ V, identity, rtol=0, atol=1e-12)
    rebuilt = (V * lam) @ V.mH
    A_perp = legs_normal(n)
    assert (rebuilt - A_perp).abs().max() / A_perp.abs().max() < 1e-13
    assert torch.equal(lam.real, torch.full((n,), -0.5).double())
    torch.testing.assert_close(lam, lam.flip(0).conj(), rtol=1e-10, atol=1e-10)


def test_dtype_is_rounded_from_double():
    A, B = legs(64, dtype=torch.float32)
    assert torch.equal(A, legs(64)[0].float())
    assert B.dtype == legs_normal(4, torch.float32).dtype == torch.float32


@pytest.mark.parametrize("function", [legs, legs_low_rank, legs_normal, diagonalise_normal])
def test_size_must_be_positive(function):
    with pytest.raises(ValueError, match="n is 0"):
        function(0)
