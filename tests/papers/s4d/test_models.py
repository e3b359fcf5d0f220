"""The starts against their formulas, and the layers that come of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from common.data.sequence import SequenceData, SequenceSplit
from common.kernels.dense import dense_bilinear, dense_zoh, impulse_responses
from common.kernels.hippo import legs, legs_normal
from common.nn.modal import real_pairs
from common.nn.s4 import S4
from common.trainers.groups import parameter_groups
from common.trainers.s4_groups import s4_rules
from papers.s4d.dss import DSS
from papers.s4d.models import INITIALISERS, SPECTRA, bases, basis, build, layer, spectrum
from papers.s4d.schema import ModelConfig

N = 64
IMAG = {
    "inv": lambda n: N / math.pi * (N / (2 * n + 1) - 1),
    "lin": lambda n: math.pi * n,
    "inv2": lambda n: N / math.pi * (N / (n + 1) - 1),
    "quad": lambda n: (1 + 2 * n) ** 2 / math.pi,
    "foud": lambda n: 2 * math.pi * n,
}


def configured(**options):
    base = {"name": "x", "initialiser": "lin", "n_layers": 1, "d_model": 4, "state_size": 8}
    return OmegaConf.structured(ModelConfig(**(base | options)))


def sequences(channels=1, classes=3):
    split = SequenceSplit(torch.randn(6, 12, channels), torch.arange(6) % classes)
    return SequenceData("made up", split, None, split, classes, None, channels, False, "", "")


@pytest.mark.parametrize("name", IMAG)
def test_closed_forms(name):
    found = spectrum(name, N)
    wanted = [IMAG[name](n) for n in range(N // 2)]
    np.testing.assert_allclose(found.imag, wanted, rtol=1e-14)
    assert found.real.tolist() == [-0.5] * (N // 2)


def test_real_is_the_spectrum_of_legs_itself():
    found = spectrum("real", 16)
    assert found.imag.abs().max() == 0
    A, _ = legs(8)
    wanted = np.sort(np.linalg.eigvals(A.numpy()).real)
    np.testing.assert_allclose(np.sort(found.real), wanted, rtol=1e-8)


def test_legs_is_that_of_the_normal_part():
    """Re = -1/2, which no eigenvalue of A_H has; against a Hermitian solve made here."""
    n = np.arange(N)
    p, row = np.sqrt(n + 0.5), np.sqrt(2 * n + 1)
    A_H = -np.tril(row[:, None] * row, -1) - np.diag(n + 1.0)
    skew = A_H + np.outer(p, p) + np.eye(N) / 2
    np.testing.assert_allclose(skew, -skew.T, atol=1e-12)
    imag = np.linalg.eigvalsh(-1j * skew)
    for found in (
        basis(configured(initialiser="legs", state_size=N)).lam,
        spectrum("legs_spectrum", N),
    ):
        np.testing.assert_allclose(np.sort(found.imag), imag[imag > 0], rtol=1e-10)
        np.testing.assert_allclose(found.real, -0.5, atol=1e-12)


def test_largest_frequencies():
    """With N, not N/2, in the formula of Inv."""
    assert float(spectrum("inv", N).imag.max()) == pytest.approx(64 / math.pi * 63, rel=1e-12)
    assert 64 / math.pi * 63 == pytest.approx(1283.42, abs=1e-2)
    found = basis(configured(initialiser="legs", state_size=N)).lam
    assert float(found.imag.max()) == pytest.approx(1303.27, abs=5e-3)


def test_random_frequencies():
    drawn = torch.cat([spectrum("random_imag", N).imag for _ in range(100)])
    assert (drawn > 0).all()
    assert float(drawn.log().mean()) == pytest.approx(0, abs=0.06)
    assert float(drawn.log().std()) == pytest.approx(1, abs=0.06)
    drawn = torch.cat([spectrum("uniform_imag", N).imag for _ in range(100)])
    assert 0 <= float(drawn.min()) < 0.5
    assert 31.5 < float(drawn.max()) <= 32
    assert float(drawn.mean()) == pytest.approx(16, abs=0.6)


@pytest.mark.parametrize("name", INITIALISERS)
def test_half_of_the_states_are_stored(name):
    made = layer(configured(initialiser=name, state_size=16))
    assert made.eigenvalues().shape[-1] == 8
    assert made.C.shape[-2:] == (8, 2)


def test_b_of_legs_is_halved_unless_it_is_clipped():
    _, B = legs(16)
    parts = basis(configured(initialiser="legs", state_size=16))
    torch.testing.assert_close(parts.input_modal(), (parts.V.mH @ (B / 2).to(parts.V.dtype)))
    whole = 2 * parts.input_modal()
    assert float(whole.abs().max()) == pytest.approx(10.2, abs=0.05)
    clipped = basis(configured(initialiser="legs", state_size=16, B_clip=2.0)).input_modal()
    torch.testing.assert_close(clipped.real, whole.real, rtol=0, atol=1e-12)
    torch.testing.assert_close(clipped.imag, whole.imag.clamp(-2, 2), rtol=0, atol=1e-12)
    low_rank = basis(configured(initialiser="legs", state_size=16, low_rank=True))
    torch.testing.assert_close(low_rank.input_modal(), whole)
    assert low_rank.low_rank.shape == (1, 16)


def test_variants_of_b():
    def B(name, start="lin"):
        return basis(configured(initialiser=start, state_size=16, b_init=name)).B

    one = torch.ones(8, dtype=torch.complex128)
    assert B("default").equal(one)
    assert B("one", "foud").equal(one)
    torch.testing.assert_close(
        B("default", "foud").real, torch.tensor([1.0] + 7 * [2**0.5]).double()
    )
    torch.testing.assert_close(B("alternating"), (-1.0) ** torch.arange(8) * one)
    turn = B("unit_anticlockwise")
    torch.testing.assert_close(turn**8, one)
    assert turn[1].imag > 0
    assert len({complex(z) for z in turn}) == 8
    torch.testing.assert_close(B("unit_clockwise"), turn.conj())
    many = torch.cat([B("normal") for _ in range(300)])
    assert float(many.abs().square().mean()) == pytest.approx(1, abs=0.08)


def test_scaled_and_random_parts():
    found = basis(configured(imag_scale=0.01)).lam
    torch.testing.assert_close(found.imag, 0.01 * math.pi * torch.arange(4).double())
    assert found.real.tolist() == [-0.5] * 4
    drawn = torch.cat([basis(configured(random_real=True)).lam for _ in range(200)])
    assert -1 <= float(drawn.real.min()) < -0.98
    assert -0.02 < float(drawn.real.max()) <= 0
    assert float(drawn.real.mean()) == pytest.approx(-0.5, abs=0.04)


@pytest.mark.parametrize(
    "options", [{"initialiser": "random_imag"}, {"random_real": True}, {"b_init": "normal"}]
)
def test_what_is_random_is_drawn_for_each_copy_and_layer(options):
    for copies in (2, 0):
        found = bases(configured(n_ssm=copies, **options))
        assert len(found) == (copies or 4)
        drawn = [torch.cat([b.lam, b.B]) for b in found]
        assert not any(torch.equal(drawn[0], other) for other in drawn[1:])
    assert len(bases(configured(n_ssm=0))) == 1
    model = build(configured(n_layers=2, n_ssm=1, input_matrix="trained", **options), sequences())
    first, second = (m for m in model.modules() if isinstance(m, S4))
    parameters = [
        torch.cat([m.eigenvalues()[0], torch.view_as_complex(m.B)[0]]) for m in (first, second)
    ]
    assert not torch.equal(*parameters)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"initialiser": "legz"}, r"initialiser='legz'; allowed: legs, legs_spectrum, inv"),
        ({"state_size": 7}, "state_size=7"),
        ({"state_size": 0}, "state_size=0"),
        ({"b_init": "two"}, r"b_init='two'; allowed: default, one, normal"),
        ({"initialiser": "legs", "imag_scale": 0.1}, "imag_scale, random_real and b_init"),
        ({"initialiser": "legs", "random_real": True}, "legs has its own"),
        ({"initialiser": "legs", "b_init": "one"}, "legs has its own"),
        ({"low_rank": True}, "initialiser='lin' has neither a low-rank part"),
        ({"B_clip": 2.0}, "nor a B to clip"),
        ({"softmax": True, "discretisation": "bilinear"}, "softmax=true has a kernel of its own"),
        ({"softmax": True, "input_matrix": "trained"}, "input_matrix=folded"),
        ({"softmax": True, "dt_per_state": True}, "dt_per_state=false"),
        ({"real_transform": "tanh"}, "real_transform='tanh'; allowed: exp, relu"),
        ({"discretisation": "euler"}, "discretisation='euler'; allowed: zoh, bilinear"),
        ({"initialiser": "real", "real_transform": "sigmoid"}, "a sigmoid stays below 1"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        layer(configured(**options))


@pytest.mark.parametrize("rule", ["zoh", "bilinear"])
def test_legs_is_a_real_system(rule):
    """Factor two: y = 2 Re(c x) of half the modes is c x of the real (A_perp, B_H/2, c)."""
    n, length, discretise = 8, 50, {"zoh": dense_zoh, "bilinear": dense_bilinear}[rule]
    config = configured(
        initialiser="legs", state_size=n, bidirectional=False, discretisation=rule, n_ssm=1
    )
    start, made = basis(config), layer(config)
    c = torch.randn(4, n, dtype=torch.float64)
    made.C.data = real_pairs((c.to(start.V.dtype) @ start.V * start.input_modal())[None])
    A, (_, B) = legs_normal(n), legs(n)
    for channel, dt in enumerate(made.step_sizes().tolist()):
        wanted = c[channel] @ impulse_responses(*discretise(A, B / 2, dt), length)
        found = made.kernel(length)[0, channel]
        torch.testing.assert_close(found, wanted.float(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SPECTRA)
def test_a_kernel_is_a_sum_of_exponentials(name):
    """2 Re sum c (exp(dt a) - 1)/a exp(dt a l), term by term in float64."""
    made = layer(configured(initialiser=name, bidirectional=False, n_ssm=0)).double()
    C = torch.view_as_complex(made.C.detach())[0].numpy()
    a, dt = made.eigenvalues().detach().numpy(), made.step_sizes().detach().numpy()[:, None]
    found = made.kernel(20)[0].detach().numpy()
    for k in range(20):
        wanted = 2 * (C * (np.exp(dt * a) - 1) / a * np.exp(dt * a * k)).real.sum(1)
        np.testing.assert_allclose(found[:, k], wanted, atol=1e-10)


def test_convolutions_are_not_circular():
    """An impulse at the last step: nothing before it; the reverse kernel starts one step ahead."""
    u = torch.zeros(1, 32, 4)
    u[:, -1] = 1
    causal = layer(configured(bidirectional=False, feedthrough=False))
    y = causal(u)[0][0]
    torch.testing.assert_close(y[-1], causal.kernel(32)[0, :, 0], rtol=1e-4, atol=1e-6)
    assert float(y[:-1].detach().abs().max()) < 1e-5
    both = layer(configured(feedthrough=False))
    y = both(u)[0][0]
    forward, backward = both.kernel(32)
    torch.testing.assert_close(y[-1], forward[:, 0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(y[:-1].flip(0).T, backward[:, :31], rtol=1e-4, atol=1e-5)


def test_parameterisations_start_from_the_same_system():
    kernels = []
    for transform in ("exp", "relu", "softplus", "sigmoid", "none"):
        torch.manual_seed(0)
        kernels.append(layer(configured(real_transform=transform)).kernel(30))
    torch.manual_seed(0)
    kernels.append(layer(configured(dt_transform="softplus")).kernel(30))
    for other in kernels[1:]:
        torch.testing.assert_close(other, kernels[0], rtol=1e-4, atol=1e-5)


def test_the_softmax_kernel_is_chosen():
    assert type(layer(configured(softmax=True))) is DSS
    assert type(layer(configured())) is S4


@pytest.mark.parametrize("transform", ["exp", "none"])
@pytest.mark.parametrize("softmax", [False, True])
def test_which_parameter_learns_how(transform, softmax):
    """A, B and Delta at the low rate without decay; C, D and the rest with both."""
    config = configured(
        real_transform=transform, softmax=softmax, input_matrix="folded" if softmax else "trained"
    )
    model = build(config, sequences())
    optimizer = OmegaConf.create(
        {"lr": 0.01, "ssm_lr": 0.001, "dt_lr": 0.0005, "c_lr": None, "weight_decay": 0.05}
    )
    groups = parameter_groups(model, s4_rules(optimizer), lr=0.01, weight_decay=0.05)
    got = {id(p): (g["lr"], g["weight_decay"]) for g in groups for p in g["params"]}
    found = {name.rpartition(".")[2]: got[id(p)] for name, p in model.named_parameters()}
    decay = "log_A_real" if transform == "exp" else "A_real"
    assert found[decay] == found["A_imag"] == (0.001, 0)
    assert found["log_dt"] == (0.0005, 0)
    assert found["C"] == found["D"] == found["weight"] == (0.01, 0.05)
    assert ("B" in found) is not softmax
    assert found.get("B", (0.001, 0)) == (0.001, 0)


def test_frozen_parts_do_not_learn():
    model = build(configured(frozen=["A", "dt"]), sequences())
    names = {name.rpartition(".")[2] for name, _ in model.named_parameters()}
    assert "C" in names
    assert not {"log_A_real", "A_imag", "log_dt"} & names


def test_a_model_classifies_and_learns():
    model, data = build(configured(), sequences()), sequences()
    logits = model(data.train.inputs)
    assert logits.shape == (6, 3)
    torch.nn.functional.cross_entropy(logits, data.train.targets).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    assert all(p.grad is not None for name, p in model.named_parameters() if "C" in name)


@pytest.mark.parametrize("start", ["alternating", "unit_clockwise", "unit_anticlockwise"])
def test_a_b_that_is_trained_keeps_its_start(start):
    """Folded into a circular C, any B of modulus one would leave the same law."""
    made = layer(configured(b_init=start, input_matrix="trained", state_size=16))
    B = torch.view_as_complex(made.B)
    torch.testing.assert_close(B.abs(), torch.ones_like(B.abs()))
    assert (B - 1).abs().max() > 1
