"""The Triton scan: on a GPU where there is one, and by Triton's interpreter in a process of its own
(the interpreter is chosen when Triton is imported)."""

import importlib.util
import os
import subprocess
import sys

import pytest
import torch

from common.kernels import scan
from common.kernels.scan import diagonal_scan, write_states

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="Triton is not installed"
)
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def problem(length, state, per_step, dtype, device, inner=1):
    generator = torch.Generator().manual_seed(length)
    shape = (inner, 2, length // inner, state)
    wide = torch.complex128 if dtype.is_complex else torch.float64

    def draw(*size):
        return torch.randn(*size, dtype=wide, generator=generator)

    decay = draw(*(shape if per_step else (state,)))
    decay = 0.98 * decay / decay.abs()
    return [x.to(dtype).to(device) for x in (decay, draw(*shape), draw(2, state))]


def check(device, scale):
    """Against the scan of torch in float64: every layout, direction and dtype. A chunk has
    ``4 scale`` steps; the interpreter takes a millisecond for each."""
    from common.kernels import triton_scan

    triton_scan._SHORTEST_CHUNK = 4 * scale
    for length, state, inner in ((1, 3, 1), (4 * scale - 1, 33, 1), (8 * scale + 4, 5, 4)):
        for per_step in (False, True):
            for reverse in (False, True):
                for dtype in (torch.float32, torch.complex64, torch.complex128):
                    decay, inputs, initial = problem(length, state, per_step, dtype, device, inner)
                    states = torch.empty_like(inputs)
                    triton_scan.write_scan(states, decay, inputs, initial, reverse)
                    wide = torch.complex128 if dtype.is_complex else torch.float64

                    def in_time(x):
                        return x.permute(1, 2, 0, 3).flatten(1, 2)

                    args = [x.cpu().to(wide) for x in (decay, inputs, initial)]
                    expected = torch.empty(2, length, state, dtype=wide)
                    step_decay = in_time(args[0]) if per_step else args[0]
                    write_states(expected, step_decay, in_time(args[1]), args[2], reverse)
                    error = (in_time(states).cpu() - expected).abs().max() / expected.abs().max()
                    bound = 1e-12 if dtype == torch.complex128 else 1e-5
                    assert error < bound, (length, state, inner, per_step, reverse, dtype, error)


@needs_triton
def test_by_the_interpreter():
    folder = os.path.dirname(__file__)
    program = (
        f"import sys; sys.path.insert(0, {folder!r}); import test_triton_scan as t; "
        "t.check('cpu', 1); print('agrees')"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"TRITON_INTERPRET": "1"},
        timeout=280,
    )
    assert result.stdout.strip() == "agrees", result.stderr[-2000:]


@pytest.mark.gpu
@needs_cuda
@needs_triton
def test_on_a_gpu():
    check("cuda", 16)


@pytest.mark.gpu
@needs_cuda
@needs_triton
@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_on_a_gpu(per_step, reverse):
    results = []
    for device, dtype in (("cuda", torch.complex64), ("cpu", torch.complex128)):
        decay, inputs, initial = problem(1000, 9, per_step, torch.complex64, "cpu")
        decay = decay[0] if per_step else decay
        leaves = [x.to(device, dtype).requires_grad_() for x in (decay, inputs[0], initial)]
        states = diagonal_scan(leaves[0], leaves[1], initial=leaves[2], reverse=reverse)
        gradients = torch.autograd.grad(states.real.square().sum(), leaves)
        results.append([x.detach().cpu() for x in (states, *gradients)])
    for ours, expected in zip(*results, strict=True):
        assert (ours - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.gpu
@needs_cuda
def test_s5_layer_on_a_gpu():
    from common.kernels.s5 import s5_apply

    generator = torch.Generator().manual_seed(0)
    decay, _, _ = problem(1, 8, False, torch.complex64, "cpu")
    matrices = [
        torch.randn(*shape, dtype=torch.complex64, generator=generator)
        for shape in ((8, 4), (4, 16))
    ]
    u = torch.randn(2, 1003, 4, generator=generator)
    results = []
    for device in ("cuda", "cpu"):
        leaves = [x.to(device).requires_grad_() for x in (u, decay, *matrices)]
        y = s5_apply(*leaves, bidirectional=True, conj_sym=True)
        results.append([x.cpu() for x in (y, *torch.autograd.grad(y.square().sum(), leaves))])
    for ours, expected in zip(*results, strict=True):
        assert (ours - expected).abs().max() < 1e-4 * expected.abs().max()


@needs_triton
def test_a_triton_that_does_not_build_is_asked_once(monkeypatch):
    from common.kernels import triton_scan

    asked = []

    def broken(*arguments):
        asked.append(arguments)
        raise RuntimeError("no host compiler")

    monkeypatch.setattr(triton_scan, "write_scan", broken)
    monkeypatch.setattr(scan, "_refused", [])
    states = torch.zeros(1, 1, 1, 1)
    arguments = (states, states, states, states[0, 0], False)
    with pytest.warns(UserWarning, match="no host compiler"):
        assert not scan._written_by_triton(*arguments)
    assert not scan._written_by_triton(*arguments)
    assert len(asked) == 1
