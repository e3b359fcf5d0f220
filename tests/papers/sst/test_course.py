"""What happens between steps: redraws, restarts, new decompositions, states of the optimiser."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.errors import InvalidInputError
from papers.sst.course import ReLoRACourse, Restarts, SpectralCourse
from papers.sst.methods import LORA, RELORA, SST, Method, apply


def net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 8)).double()


def batch(step):
    generator = torch.Generator().manual_seed(step)
    return torch.randn(32, 12, dtype=torch.float64, generator=generator)


def advance(trained, optimiser, step):
    trained.before_step(step, optimiser)
    trained.set_rates(optimiser, step, 0.01)
    optimiser.zero_grad()
    x = batch(step)
    (trained.model(x) - x[:, :8]).square().mean().backward()
    grads = {id(p): p.grad.clone() for p in trained.trained_parameters if p.grad is not None}
    optimiser.step()
    trained.after_step()
    return grads


def method(name=SST, **more):
    return Method(name, rank=3, iteration_steps=4, restart_warmup=2, **more)


def test_states_are_cleared_where_they_belong_to_others():
    trained = apply(net(), method(round_iterations=2))
    optimiser, layer = trained.adam(0.01), trained.layers["0"]
    counts = []
    for step in range(17):
        advance(trained, optimiser, step)
        counts.append(
            (int(optimiser.state[layer.U]["step"]), int(optimiser.state[layer.s]["step"]))
        )
    assert [u for u, _ in counts] == [1 + step % 4 for step in range(17)]
    assert [s for _, s in counts] == [1 + step % 8 for step in range(17)]


def test_norms_and_signs_after_every_step():
    trained = apply(net(), method())
    optimiser = trained.adam(0.05)
    for step in range(20):
        advance(trained, optimiser, step)
        for layer in trained.layers.values():
            U, s, V = layer.triples()
            torch.testing.assert_close(U.norm(dim=0), torch.ones_like(s))
            torch.testing.assert_close(V.norm(dim=0), torch.ones_like(s))
            assert bool((s >= 0).all())


def test_frozen_vectors_do_not_drift():
    trained = apply(net(), method())
    optimiser = trained.adam(0.05, weight_decay=0.3)
    advance(trained, optimiser, 0)
    layer = trained.layers["0"]
    before, frozen = layer.triples(), layer.order[3:].clone()
    for step in (1, 2, 3):
        advance(trained, optimiser, step)
    for now, then in ((layer.triples()[0], before[0]), (layer.triples()[2], before[2])):
        assert torch.equal(now[:, frozen], then[:, frozen])


def test_a_new_svd_changes_no_function():
    trained = apply(net(), method(round_iterations=1))
    optimiser = trained.adam(0.05)
    for step in range(4):
        advance(trained, optimiser, step)
    layer, before = trained.layers["0"], trained.layers["0"].weight()
    assert layer.orthogonality_error() > 1e-3
    trained.before_step(4, optimiser)
    assert layer.orthogonality_error() < 1e-12
    torch.testing.assert_close(layer.weight(), before, rtol=0, atol=1e-12)
    assert trained.course.svd_seconds > 0


def test_without_new_svds_it_stays_lost():
    trained = apply(net(), method(round_iterations=1, re_svd=False))
    optimiser = trained.adam(0.05)
    for step in range(9):
        advance(trained, optimiser, step)
    assert trained.layers["0"].orthogonality_error() > 1e-3


def test_singular_values_of_the_active_triples_alone():
    trained = apply(net(), method(all_singular_values=False))
    optimiser, layer = trained.adam(0.05), trained.layers["0"]
    advance(trained, optimiser, 0)
    before = layer.s.detach().clone()
    advance(trained, optimiser, 1)
    moved = torch.nonzero(layer.s.detach() != before).flatten()
    assert set(moved.tolist()) == set(layer.active.tolist())


def test_rounds_follow_the_size_of_a_layer():
    course = apply(net(), method()).course
    assert [course.iterations_of(layer) for layer in course.layers.values()] == [4, 2]


def test_relora_merges_and_stands_at_a_saddle():
    trained = apply(net(), method(RELORA))
    optimiser = trained.adam(0.05)
    for step in range(9):
        before = trained.model(batch(99)).detach()
        layer = trained.layers["0"]
        A = layer.A.detach().clone()
        trained.before_step(step, optimiser)
        torch.testing.assert_close(trained.model(batch(99)).detach(), before)
        grads = advance(trained, optimiser, step)
        at_restart = step % 4 == 0
        assert (float(grads[id(layer.A)].abs().max()) == 0) == at_restart
        if at_restart and step:
            assert not torch.equal(A, layer.A)
            assert int(optimiser.state[layer.B]["step"]) == 1


def test_lora_never_leaves_its_rank():
    trained = apply(net(), method(LORA))
    layer = trained.layers["0"]
    start = layer.weight.clone()
    optimiser = trained.adam(0.05)
    for step in range(12):
        advance(trained, optimiser, step)
    assert torch.equal(layer.weight, start)
    increment = (layer.to_linear().weight - start).detach()
    assert int(torch.linalg.matrix_rank(increment)) == 3


def test_the_rate_rises_again_after_each_restart():
    course = Restarts(iteration_steps=5, warmup=2)
    assert [course.warmth(step) for step in range(11)] == pytest.approx(
        [1, 1, 1, 1, 1, 1 / 3, 2 / 3, 1, 1, 1, 1 / 3]
    )
    trained = apply(net(), method())
    optimiser = trained.adam(0.01)
    trained.set_rates(optimiser, 4, 0.01)
    rates = {group["restarts"]: group["lr"] for group in optimiser.param_groups}
    assert rates == pytest.approx({True: 0.01 / 3, False: 0.01})


def test_weight_decay_is_on_singular_values_alone():
    trained = apply(net(), method())
    decays = {
        id(p): group["weight_decay"] for group in trained.groups(0.1) for p in group["params"]
    }
    layer = trained.layers["0"]
    assert [decays[id(p)] for p in (layer.U, layer.V, layer.s, layer.bias)] == [0, 0, 0.1, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Restarts(0), "iteration_steps=0; allowed: 1 or more"),
        (lambda: ReLoRACourse(5, 6), "restart_warmup=6; allowed: 0 to iteration_steps=5"),
        (lambda: SpectralCourse(rule="best"), "rule='best'; allowed: mixture"),
        (lambda: SpectralCourse(round_iterations=-1), "round_iterations=-1"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()
