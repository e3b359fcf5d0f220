import numpy as np
import pytest
import torch
from scipy.signal import cont2discrete

from common.kernels.dense import dense_bilinear, dense_zoh, impulse_responses
from common.kernels.hippo import fout, legs


@pytest.mark.parametrize(("rule", "name"), [(dense_zoh, "zoh"), (dense_bilinear, "bilinear")])
@pytest.mark.parametrize("measure", [legs, fout])
def test_against_scipy(rule, name, measure):
    A, B = measure(6)
    A_bar, B_bar = rule(A, B, 0.1)
    column = B[:, None].numpy()
    wanted, wanted_B, *_ = cont2discrete((A.numpy(), column, column.T, 0), 0.1, method=name)
    np.testing.assert_allclose(A_bar, wanted, atol=1e-14)
    np.testing.assert_allclose(B_bar, wanted_B[:, 0], atol=1e-14)


@pytest.mark.parametrize("length", [1, 2, 7, 64, 65])
def test_doubling_is_the_recurrence(length):
    A_bar, B_bar = dense_zoh(*legs(5), 0.03)
    x, wanted = B_bar, [B_bar]
    for _ in range(length - 1):
        x = A_bar @ x
        wanted.append(x)
    torch.testing.assert_close(impulse_responses(A_bar, B_bar, length), torch.stack(wanted, 1))


def test_a_diagonal_is_a_vector():
    lam = torch.tensor([0.9 + 0.1j, 0.5 - 0.2j], dtype=torch.complex128)
    B = torch.tensor([1.0, 2.0j], dtype=torch.complex128)
    wanted = impulse_responses(torch.diag(lam), B, 9)
    torch.testing.assert_close(impulse_responses(lam, B, 9), wanted)


def test_a_singular_matrix_can_be_held():
    A_bar, B_bar = dense_zoh(torch.zeros(2, 2).double(), torch.ones(2).double(), 0.5)
    assert torch.equal(A_bar, torch.eye(2).double())
    assert torch.equal(B_bar, torch.full((2,), 0.5).double())


def test_shapes_are_checked():
    A, B = legs(3)
    with pytest.raises(ValueError, match=r"A has shape \(3, 3\) and B \(2,\)"):
        dense_zoh(A, B[:2], 0.1)
    with pytest.raises(ValueError, match="B_bar has shape"):
        impulse_responses(B, B[:2], 4)
    with pytest.raises(ValueError, match="length is 0"):
        impulse_responses(A, B, 0)
