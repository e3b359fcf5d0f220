import pytest
import torch

from common.kernels.dense import dense_zoh
from common.kernels.hippo import system
from papers.hippo.frozen import FrozenLayer
from papers.hippo.models import bases, dense_system, single_layer, state_responses


@pytest.mark.parametrize("name", ["legs", "legt", "fout", "lagt", "hippo"])
def test_a_basis_is_its_measure(name):
    found = bases(name, 8)
    measures = ("legs", "fout") if name == "hippo" else (name,)
    for measure, basis in zip(measures, found, strict=True):
        A, B = system(measure, 8)
        normal = 2 * ((basis.V * basis.lam) @ basis.to_modal(torch.eye(8).double())).real
        P = basis.low_rank
        torch.testing.assert_close(normal - P.mT @ P, A, rtol=0, atol=1e-12)
        again = 2 * (basis.V @ basis.input_modal()).real
        torch.testing.assert_close(again, B, rtol=0, atol=1e-12)


def test_options_of_a_basis():
    (clipped,) = bases("legs", 16, B_clip=2.0)
    assert float(clipped.input_modal().imag.abs().max()) <= 2 + 1e-12
    (diagonal,) = bases("legs", 16, low_rank=False)
    assert diagonal.low_rank is None
    (whole,) = bases("fout", 16, halved=False)
    assert len(whole.lam) == 16


def test_names_and_sizes_are_checked():
    with pytest.raises(ValueError, match=r"initialiser='legz'; allowed: legs, .*hippo"):
        bases("legz", 8)
    with pytest.raises(ValueError, match="n is 7"):
        bases("fout", 7)
    with pytest.raises(ValueError, match=r"system='hippo'; allowed: legs, .*s4d_real"):
        dense_system("hippo", 8)
    with pytest.raises(ValueError, match="n is 7"):
        dense_system("fout", 7)
    with pytest.raises(ValueError, match="discretisation='euler'"):
        state_responses("legs", 4, 0.1, 10, "euler")
    with pytest.raises(ValueError, match="step=0"):
        state_responses("legs", 4, 0, 10)


def test_the_real_baseline():
    A, _ = dense_system("s4d_real", 3)
    assert torch.equal(A, -torch.diag(torch.tensor([1.0, 2.0, 3.0])).double())
    responses = state_responses("s4d_real", 3, 0.1, 5)
    decay = torch.exp(-0.1 * torch.arange(1, 4)[:, None] * torch.arange(5)).double()
    torch.testing.assert_close(responses / responses[:, :1], decay, rtol=1e-6, atol=0)


def test_a_frozen_layer_is_the_recurrence():
    torch.manual_seed(0)
    steps, n, length = (0.05, 0.2), 4, 12
    responses = torch.stack([state_responses("legt", n, dt, length) for dt in steps])
    layer, u = FrozenLayer(responses, 2), torch.randn(3, length)
    v = layer.encoder(u[..., None])
    wanted = torch.zeros(3, length, 2)
    for channel, dt in enumerate(steps):
        A_bar, B_bar = (X.float() for X in dense_zoh(*system("legt", n), dt))
        x = torch.zeros(3, n)
        for k in range(length):
            x = x @ A_bar.mT + v[:, k, channel, None] * B_bar
            wanted[:, k, channel] = x @ layer.C[channel] + layer.D[channel] * v[:, k, channel]
    torch.testing.assert_close(layer(u), wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(layer.last(u), wanted[:, -1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "rule"), [("legt", "bilinear"), ("s4d_real", "zoh")])
def test_the_trained_layer_starts_from_the_same_states(name, rule):
    torch.manual_seed(0)
    layer, n, length = single_layer(name, 8, 2, 0.05), 8, 30
    start = bases(name, n)[0].V if name == "legt" else torch.eye(n, dtype=torch.complex128)
    C = torch.view_as_complex(layer.C.detach()).to(torch.complex128)[0]
    rows = 2 * (C @ start.mH).real
    wanted = rows @ state_responses(name, n, 0.05, length, rule)
    torch.testing.assert_close(layer.kernel(length)[0], wanted.float(), rtol=0, atol=1e-4)
    assert {"C", "B", "log_dt"} <= {name for name, _ in layer.named_parameters()}


def test_a_frozen_layer_trains_its_readout_only():
    layer = FrozenLayer(state_responses("legs", 4, 0.1, 8)[None], 3)
    assert {name for name, _ in layer.named_parameters()} == {
        "C",
        "D",
        "encoder.weight",
        "encoder.bias",
    }
    assert layer.kernel().shape == (3, 8)
