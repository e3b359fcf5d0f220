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


def random_system(state=4, channels=3, rank=1):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, dtype=torch.complex128, generator=generator)

    lam = torch.complex(-1 - draw(state).real.abs(), 10 * draw(state).real)
    step = torch.logspace(-2, -0.5, channels, dtype=torch.float64)
    p = draw(rank, state)
    return lam, p, 0.3 * draw(rank, state), draw(channels, state), draw(channels, state), step


def with_conjugates(*tensors):
    return [torch.cat([x, x.conj()], -1) for x in tensors]


@pytest.mark.parametrize("length", [1, 2, 7, 64, 101])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_equals_the_dense_recurrence(length, rank):
    lam, p, q, B, C, step = random_system(rank=rank)
    A = torch.diag(lam) - p.mT @ q.conj()
    kernel = dplr_kernel(lam, p, q, B, C, step, length)
    expected = dense_kernel(A, B, C, step, length)
    assert (kernel - expected).abs().max() / expected.abs().max() < 1e-11


@pytest.mark.parametrize("length", [1, 2, 7, 64, 101])
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.complex128, 1e-11), (torch.complex64, 3e-6)]
)
def test_conjugate_pairs_equal_the_dense_recurrence(length, rank, dtype, tolerance):
    """The smallest step leaves A_bar^length far from zero."""
    lam, p, q, B, C, step = random_system(rank=rank)
    step = step / 10
    lam_all, p_all, q_all, B_all, C_all = with_conjugates(lam, p, q, B, C)
    expected = dense_kernel(
        torch.diag(lam_all) - p_all.mT @ q_all.conj(), B_all, C_all, step, length
    )
    arguments = (x.to(dtype) for x in (lam, p, q, B, C))
    kernel = dplr_kernel(*arguments, step, length, conj_sym=True)
    assert (kernel - expected).abs().max() / expected.abs().max() < tolerance


@pytest.mark.parametrize("length", [33, 64])
def test_conjugate_pairs_equal_the_full_spectrum_and_its_gradients(length):
    *system, step = random_system(rank=2)
    results = []
    for halved in (True, False):
        leaves = [x.clone().requires_grad_() for x in (*system, step)]
        full = leaves if halved else [*with_conjugates(*leaves[:-1]), leaves[-1]]
        kernel = dplr_kernel(*full, length, conj_sym=halved)
        results.append([kernel, *torch.autograd.grad(kernel.sin().sum(), leaves)])
    for ours, expected in zip(*results, strict=True):
        assert (ours - expected).abs().max() <= 1e-10 * expected.abs().max()


def test_parameters_of_each_channel_and_several_heads():
    lam, p, q, B, C, step = random_system(rank=2)
    each = [
        x.expand(3, *x.shape) * torch.tensor([1.0, 1.1, 0.9]).view(3, *[1] * x.ndim)
        for x in (lam, p, q)
    ]
    heads = torch.stack([C, 2 * C.flip(0)])
    kernels = dplr_kernel(*each, B, heads, step, 40, conj_sym=True)
    assert kernels.shape == (2, 3, 40)
    for head in range(2):
        for h in range(3):
            alone = dplr_kernel(
                *(x[h] for x in each), B[h], heads[head, h, None], step[h, None], 40, conj_sym=True
            )
            torch.testing.assert_close(kernels[head, h], alone[0], rtol=1e-11, atol=1e-11)


def test_vector_factors_are_rank_one():
    lam, p, q, B, C, step = random_system()
    expected = dplr_kernel(lam, p, q, B, C, step, 20)
    assert torch.equal(dplr_kernel(lam, p[0], q[0], B, C, step, 20), expected)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.complex128, 1e-10), (torch.complex64, 2e-5)]
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
    monkeypatch.setattr("common.kernels.resolvent._ENTRIES", 12 * 7)
    torch.testing.assert_close(dplr_kernel(*arguments, 50), whole, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("conj_sym", [False, True])
def test_gradients(rank, conj_sym):
    arguments = random_system(state=2, channels=2, rank=rank)
    assert torch.autograd.gradcheck(
        lambda *x: dplr_kernel(*x, 9, conj_sym=conj_sym), [x.requires_grad_() for x in arguments]
    )


@pytest.mark.parametrize("conj_sym", [False, True])
def test_compiles_without_a_graph_break_in_either_direction(conj_sym):
    arguments = [x.requires_grad_() for x in random_system(rank=2)]

    def layer(*x):
        return dplr_kernel(*x, 30, conj_sym=conj_sym)

    kernel = torch.compile(layer, fullgraph=True, backend="aot_eager")(*arguments)
    expected = layer(*arguments)
    torch.testing.assert_close(kernel, expected)
    torch.testing.assert_close(
        torch.autograd.grad(kernel.sin().sum(), arguments),
        torch.autograd.grad(expected.sin().sum(), arguments),
    )


def test_bad_input():
    lam, p, q, B, C, step = random_system()
    with pytest.raises(ValueError, match="p has shape"):
        dplr_kernel(lam, p[:, :2], q, B, C, step, 8)
    with pytest.raises(ValueError, match="q has shape"):
        dplr_kernel(lam, p, q.expand(2, -1), B, C, step, 8)
    with pytest.raises(ValueError, match="step has shape"):
        dplr_kernel(lam, p, q, B, C, step[:1], 8)
    with pytest.raises(ValueError, match="C has shape"):
        dplr_kernel(lam, p, q, B, C.real, step, 8)
    with pytest.raises(ValueError, match="length is 0"):
        dplr_kernel(lam, p, q, B, C, step, 0)


def test_an_eigenvalue_of_zero_is_refused():
    one = torch.ones(3, 2, dtype=torch.complex64)
    lam = torch.tensor([-1 + 1j, 0], dtype=torch.complex64)
    with pytest.raises(ValueError, match="lam is 0"):
        dplr_kernel(lam, one[0], one[0], one[0], one, torch.ones(3), 8)
