import pytest
import torch

from common.kernels.dplr import dplr_kernel
from common.kernels.hippo import diagonalise_normal, legs, legs_low_rank


def dense_kernel(A, B, C, step, length):
    """C A_bar^l B_bar by the bilinear recurrence with full matrices, one channel after another."""
    rows = []
    identity = torch.eye(A.shape[-1], dtype=A.dtype)
    for channel, dt in enumerate(step.tolist()):
        inverse = torch.linalg.inv(identity - dt / 2 * A)
        A_bar = inverse @ (identity + dt / 2 * A)
        state, row = dt * inverse @ B[channel], []
        for _ in range(length):
            row.append(C[channel] @ state)
            state = A_bar @ state
        rows.append(torch.stack(row))
    return torch.stack(rows).real


def random_system(state=4, channels=3):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, dtype=torch.complex128, generator=generator)

    lam = torch.complex(-1 - draw(state).real.abs(), 10 * draw(state).real)
    step = torch.logspace(-2, -0.5, channels, dtype=torch.float64)
    p = draw(state)
    return lam, p, 0.3 * draw(state), draw(channels, state), draw(channels, state), step


@pytest.mark.parametrize("length", [1, 2, 7, 64, 101])
def test_equals_the_dense_recurrence(length):
    lam, p, q, B, C, step = random_system()
    A = torch.diag(lam) - torch.outer(p, q.conj())
    kernel = dplr_kernel(lam, p, q, B, C, step, length)
    expected = dense_kernel(A, B, C, step, length)
    assert (kernel - expected).abs().max() / expected.abs().max() < 1e-11


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.complex128, 1e-9), (torch.complex64, 1e-3)]
)
def test_hippo_in_the_basis_of_its_normal_part(dtype, tolerance):
    n, length = 16, 300
    A, B = legs(n)
    lam, V = diagonalise_normal(n)
    p = V.mH @ legs_low_rank(n).to(V.dtype)
    C = torch.randn(2, n, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    step = torch.tensor([0.001, 0.05]).double()
    expected = dense_kernel(A, B.expand(2, n), C, step, length)
    arguments = (lam, p, p, V.mH @ B.to(V.dtype), C.to(V.dtype) @ V)
    kernel = dplr_kernel(*(x.to(dtype) for x in arguments), step, length)
    assert (kernel - expected).abs().max() / expected.abs().max() < tolerance


def test_blocks_of_frequencies_do_not_matter(monkeypatch):
    arguments = random_system()
    whole = dplr_kernel(*arguments, 50)
    monkeypatch.setattr("common.kernels.dplr._ENTRIES", 12 * 7)
    torch.testing.assert_close(dplr_kernel(*arguments, 50), whole, rtol=1e-13, atol=1e-13)


def test_gradients():
    arguments = random_system(state=2, channels=2)
    assert torch.autograd.gradcheck(
        lambda *x: dplr_kernel(*x, 9), [x.requires_grad_() for x in arguments]
    )


def test_bad_input():
    lam, p, q, B, C, step = random_system()
    with pytest.raises(ValueError, match="p has shape"):
        dplr_kernel(lam, p[:2], q, B, C, step, 8)
    with pytest.raises(ValueError, match="step has shape"):
        dplr_kernel(lam, p, q, B, C, step[:1], 8)
    with pytest.raises(ValueError, match="C has shape"):
        dplr_kernel(lam, p, q, B, C.real, step, 8)
    with pytest.raises(ValueError, match="length is 0"):
        dplr_kernel(lam, p, q, B, C, step, 0)
