"""The door: every method starts from the same function; what cannot be is refused, and changes
nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.errors import InvalidInputError
from common.nn.gpt import GPT, GPTConfig
from papers.sst.adapters import LoRALinear
from papers.sst.galore import GaLoreAdamW
from papers.sst.methods import FULL, GALORE, NAMES, SST, Method, apply
from papers.sst.models import SpectralLinear
from papers.sst.presets import PRESETS, method_of
from papers.sst.replace import dense_again, linear_layers


def gpt():
    torch.manual_seed(0)
    return GPT(GPTConfig(vocabulary=30, context=8, layers=1, heads=2, width=8))


TOKENS = torch.arange(16).reshape(2, 8)


def test_lora_is_that_of_peft():
    """The same function and gradients at the same factors, at alpha = r."""
    peft = pytest.importorskip("peft")
    linear, x = nn.Linear(6, 5), torch.randn(4, 6)
    ours = LoRALinear(linear, 3)
    nn.init.normal_(ours.B)
    config = peft.LoraConfig(r=3, lora_alpha=3, target_modules=["0"])
    theirs = peft.get_peft_model(nn.Sequential(linear), config)
    layer = theirs.base_model.model[0]
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    with torch.no_grad():
        a.copy_(ours.A)
        b.copy_(ours.B)
    found, wanted = ours(x), theirs(x)
    torch.testing.assert_close(found, wanted)
    found.square().sum().backward()
    wanted.square().sum().backward()
    torch.testing.assert_close(ours.A.grad, a.grad)
    torch.testing.assert_close(ours.B.grad, b.grad)


@pytest.mark.parametrize("name", NAMES)
def test_every_method_starts_from_the_same_function(name):
    wanted = gpt()(TOKENS)
    model = gpt()
    trained = apply(model, Method(name, rank=2), skip=["lm_head"])
    torch.testing.assert_close(model(TOKENS), wanted)
    assert len(trained.layers) == 4
    torch.testing.assert_close(dense_again(model)(TOKENS), wanted)
    assert len(linear_layers(model, skip=["lm_head"])) == 4


@pytest.mark.parametrize("name", NAMES)
def test_every_trained_parameter_is_in_one_group(name):
    trained = apply(gpt(), Method(name, rank=2), skip=["lm_head"])
    grouped = [id(p) for group in trained.groups(0.1) for p in group["params"]]
    wanted = [id(p) for p in trained.model.parameters() if p.requires_grad]
    assert sorted(grouped) == sorted(wanted)


@pytest.mark.parametrize("name", [n for n in PRESETS if n not in NAMES])
def test_ablations_differ_from_sst(name):
    base = Method(rank=2)
    assert method_of(name, base) != method_of(SST, base)
    assert method_of(name, base).name == SST


def test_names_and_patterns():
    model = gpt()
    found = apply(model, Method(rank=2), match=["*.mlp.*"])
    assert list(found.layers) == ["transformer.h.0.mlp.c_fc", "transformer.h.0.mlp.c_proj"]
    assert isinstance(model.transformer["h"][0].mlp.c_fc, SpectralLinear)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"match": ["*.conv"]}, r"No linear layer is called '\*\.conv'. There are: transformer"),
        ({"skip": ["*"]}, "leave no linear layer"),
        ({}, r"weight of lm_head is also transformer.wte.weight \(tied weights\).*skip="),
    ],
)
def test_layers_that_cannot_be_chosen(name, more, message):
    model = gpt()
    before = {n: type(m) for n, m in model.named_modules()}
    with pytest.raises(InvalidInputError, match=message):
        apply(model, Method(name, rank=2), **more)
    assert {n: type(m) for n, m in model.named_modules()} == before


@pytest.mark.parametrize("name", [n for n in NAMES if n != FULL])
def test_a_rank_above_a_layers_names_the_layer(name):
    model = gpt()
    before = {n: type(m) for n, m in model.named_modules()}
    with pytest.raises(InvalidInputError, match=r"transformer.h.0.attn.c_attn: rank=9"):
        apply(model, Method(name, rank=9), skip=["lm_head"])
    assert {n: type(m) for n, m in model.named_modules()} == before


def test_other_refusals():
    with pytest.raises(InvalidInputError, match="method='dora'; allowed: full, lora"):
        Method("dora")
    with pytest.raises(InvalidInputError, match=r"task.method='dora'; allowed: .*sst_top"):
        method_of("dora", Method())
    with pytest.raises(InvalidInputError, match="linear layer itself"):
        apply(nn.Linear(4, 4), Method(rank=2))
    with pytest.raises(InvalidInputError, match="none at all"):
        apply(nn.ReLU(), Method(rank=2))


def test_galore_of_full_rank_against_a_slow_reference():
    """Adam in the basis of the singular vectors, step by step in float64."""
    torch.manual_seed(0)
    for shape in ((4, 6), (6, 4)):
        p = nn.Parameter(torch.randn(*shape, dtype=torch.float64))
        w, rank, rate = p.detach().clone(), 2, 0.1
        optimiser = GaLoreAdamW([p], rate, rank=rank, refresh=3, weight_decay=0.2)
        m = v = P = None
        for t in range(7):
            grad = torch.randn(*shape, dtype=torch.float64)
            p.grad = grad.clone()
            optimiser.step()
            tall = shape[0] > shape[1]
            G = grad.T if tall else grad
            if t % 3 == 0:
                # The signs of singular vectors depend on the side, and the moments outlive them.
                U, _, Vh = torch.linalg.svd(grad, full_matrices=False)
                P = Vh[:rank].T if tall else U[:, :rank]
            R = P.T @ G
            m = (0 if m is None else m * 0.9) + 0.1 * R
            v = (0 if v is None else v * 0.999) + 0.001 * R**2
            step = (m / (1 - 0.9 ** (t + 1))) / ((v / (1 - 0.999 ** (t + 1))).sqrt() + 1e-8)
            back = P @ step
            w = w * (1 - rate * 0.2) - rate * (back.T if tall else back)
            torch.testing.assert_close(p.detach(), w)


def test_without_a_rank_galore_is_adamw():
    torch.manual_seed(0)
    ours, theirs = (nn.Parameter(torch.ones(3, 5)) for _ in range(2))
    a = GaLoreAdamW([ours], 0.1, weight_decay=0.1)
    b = torch.optim.AdamW([theirs], 0.1, weight_decay=0.1)
    for _ in range(5):
        grad = torch.randn(3, 5)
        ours.grad, theirs.grad = grad.clone(), grad.clone()
        a.step()
        b.step()
    torch.testing.assert_close(ours, theirs)
    with pytest.raises(InvalidInputError, match=r"rank=4 for a parameter of shape \(3, 5\)"):
        GaLoreAdamW([ours], rank=4)


def test_galore_projects_the_layers_alone():
    trained = apply(gpt(), Method(GALORE, rank=2), skip=["lm_head"])
    optimiser = trained.adam(0.01)
    ranks = [group["rank"] for group in optimiser.param_groups]
    assert sorted(ranks)[-1] == 2
    assert ranks.count(2) == 1
