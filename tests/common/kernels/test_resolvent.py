import pytest
import torch

from common.kernels.resolvent import resolvent_sums


def problem(channels=3, count=4, state=5, frequencies=7, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    rows, poles = draw(channels, count, state), draw(2, channels, state)
    scales, offsets = 0.1 * draw(2, frequencies), 2 + draw(2, frequencies).abs()
    return rows.to(dtype), poles, scales, offsets


def direct(rows, poles, scales, offsets):
    denominator = poles[..., None] * scales[:, None, None] + offsets[:, None, None]
    E = 1 / torch.complex(*denominator)
    return rows.to(E.dtype) @ E


@pytest.mark.parametrize("channels", [1, 3, 40])
def test_equals_the_direct_sum(channels, monkeypatch):
    monkeypatch.setattr("common.kernels.resolvent._ENTRIES", 20)
    arguments = problem(channels)
    torch.testing.assert_close(resolvent_sums(*arguments), direct(*arguments))


def test_single_precision_only_rounds_the_factors():
    rows, *rest = problem(state=64)
    exact = resolvent_sums(rows, *rest)
    error = (resolvent_sums(rows.float(), *rest) - exact).abs().max() / exact.abs().max()
    assert error < 5e-7


def test_gradients():
    rows, poles, scales, offsets = problem(channels=2)
    assert torch.autograd.gradcheck(
        lambda r, p: resolvent_sums(r, p, scales, offsets),
        [rows.requires_grad_(), poles.requires_grad_()],
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_operators_keep_the_promises_the_compiler_relies_on(dtype):
    rows, poles, scales, offsets = problem(dtype=dtype)
    operator = torch.ops.structlab.resolvent_sums.default
    strided = poles.mT.contiguous().mT.requires_grad_()
    arguments = (rows.requires_grad_(), strided, scales, offsets)
    torch.library.opcheck(operator, arguments, atol=1e-5, rtol=1e-5)
