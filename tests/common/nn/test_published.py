"""Published S4D weights mean the same here: against the two lines of the published kernel."""

from __future__ import annotations

import pytest
import torch

from common.nn.published import s4d_from_published

CHANNELS, PAIRS, LENGTH = 4, 3, 40


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def weights(copies=CHANNELS, directions=None, with_b=False):
    leading = () if directions is None else (directions,)
    state = {
        "log_A_real": torch.randn(copies, PAIRS) * 0.3 - 0.7,
        "A_imag": torch.rand(copies, PAIRS) * 10,
        "C": torch.randn(*leading, CHANNELS, PAIRS, 2),
        "log_dt": torch.rand(CHANNELS) * 3 - 5,
        "D": torch.randn(CHANNELS),
    }
    return state | ({"B": torch.randn(copies, PAIRS, 2)} if with_b else {})


def published_kernel(state, sign, direction=None):
    """K as the published code writes it, in float64."""
    state = {k: v.double() for k, v in state.items()}
    C = torch.view_as_complex(state["C"] if direction is None else state["C"][direction])
    dt = state["log_dt"].exp()[:, None]
    A = torch.complex(-state["log_A_real"].exp(), sign * state["A_imag"])
    B = torch.view_as_complex(state["B"]) if "B" in state else torch.ones_like(A)
    A, B = (x.repeat(CHANNELS // len(x), 1) for x in (A, B))
    powers = torch.exp(A[..., None] * dt[..., None] * torch.arange(LENGTH))
    weights = C * B * (torch.exp(dt * A) - 1) / A
    return 2 * torch.einsum("hn,hnl->hl", weights, powers).real


def test_the_minimal_code():
    state = weights()
    minimal = {f"kernel.{k}": v for k, v in state.items() if k != "D"} | {"D": state["D"]}
    stored = {f"layers.0.{k}": v for k, v in minimal.items()} | {"layers.0.output.weight": 1}
    layer = s4d_from_published(stored, prefix="layers.0.")
    wanted = published_kernel(state, 1).float()
    torch.testing.assert_close(layer.kernel(LENGTH)[0], wanted, rtol=1e-4, atol=1e-5)
    u = torch.zeros(1, LENGTH, CHANNELS)
    u[:, 0] = 1
    y, _ = layer(u)
    torch.testing.assert_close(y[0, 0], wanted[:, 0] + state["D"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(y[0, 1:].T, wanted[:, 1:], rtol=1e-4, atol=1e-5)


VERSIONS = {  # names and shapes in two releases of the full code
    "kernel.kernel.": {"log_A_real": "inv_A_real", "log_dt": "log_dt"},
    "kernel.": {"log_A_real": "A_real", "log_dt": "inv_dt"},
}


@pytest.mark.parametrize("inside", VERSIONS)
@pytest.mark.parametrize("copies", [1, 2, CHANNELS])
def test_the_full_code(copies, inside):
    state = weights(copies, directions=2, with_b=True)
    names = VERSIONS[inside]
    stored = {f"0.{inside}{names.get(k, k)}": v for k, v in state.items() if k != "D"}
    stored[f"0.{inside}B"] = state["B"][None]
    if inside == "kernel.":
        stored["0.kernel.inv_dt"] = state["log_dt"][:, None]
    stored["0.D"] = state["D"][None]
    layer = s4d_from_published(stored, prefix="0.", negative_imaginary=True)
    assert torch.equal(layer.D, state["D"])
    assert layer.bidirectional
    kernels = layer.kernel(LENGTH)
    for direction in range(2):
        wanted = published_kernel(state, -1, direction).float()
        torch.testing.assert_close(kernels[direction], wanted, rtol=1e-4, atol=1e-5)


def test_a_missing_tensor_is_named():
    state = weights()
    del state["log_dt"]
    with pytest.raises(ValueError, match="log_dt or inv_dt not found"):
        s4d_from_published(state)


@pytest.mark.parametrize(
    "change",
    [
        {"C": torch.zeros(CHANNELS, PAIRS)},
        {"A_imag": torch.zeros(CHANNELS, PAIRS + 1)},
        {"log_dt": torch.zeros(CHANNELS + 1)},
        {"D": torch.zeros(CHANNELS + 1)},
    ],
)
def test_shapes_that_do_not_go_together_are_refused(change):
    with pytest.raises(ValueError, match="do not go together"):
        s4d_from_published(weights() | change)
