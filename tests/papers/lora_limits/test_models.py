"""ALoRAGC keeps its promise or refuses; attention in almost linear time trains."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from papers.lora_limits.allocation import Allocations
from papers.lora_limits.attention import almost_linear_attention
from papers.lora_limits.bounds import Sizes, chosen_polynomial, gamma, score_radius
from papers.lora_limits.exact import adapters_by_autograd, chain, closed_form
from papers.lora_limits.factored import polynomial_factors
from papers.lora_limits.fast import fast_gradients
from papers.lora_limits.head import NAMES, AdaptedWeight, Head, Problem
from papers.lora_limits.instances import grown_adapter, standard_problem
from papers.lora_limits.models import AdaptedHead, aloragc
from papers.lora_limits.polynomials import taylor
from papers.lora_limits.training import lesson, student, train


@settings(deadline=None, max_examples=15)
@given(
    st.integers(1, 50),
    st.integers(1, 4),
    st.floats(0.1, 1.5),
    st.sampled_from([1e-1, 1e-3, 1e-6]),
    st.integers(0, 99),
)
def test_the_promise_is_kept(length, width, size, epsilon, seed):
    problem = standard_problem(length, width, size, seed)
    solved = aloragc(problem, epsilon)
    assert solved.bound <= epsilon
    wanted = adapters_by_autograd(problem)
    for name in wanted:
        assert float((solved.adapters[name] - wanted[name]).abs().max()) <= epsilon


def test_each_bound_of_the_chain():
    problem = standard_problem(40, 3, 1.0, 0)
    radius = score_radius(problem.queries, problem.keys)
    polynomial = taylor(2, radius)
    delta = 2 * polynomial.relative_error / (1 - polynomial.relative_error)
    U1, V1 = polynomial_factors(problem, polynomial)
    f = chain(problem).f
    assert bool(((U1 @ V1.mT - f).abs() <= delta * f * (1 + 1e-12)).all())
    bounds = Sizes.of(problem).errors(polynomial.relative_error)
    found, wanted = fast_gradients(problem, polynomial), closed_form(problem)
    for name in NAMES:
        error = (found.weights[name] - wanted.weights[name]).abs()
        assert bool((error <= bounds[name]).all())
        assert float(error.max()) > 0


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 99))
def test_no_score_exceeds_the_radius(length, width, seed):
    problem = standard_problem(length, width, 2.0, seed)
    scores = problem.queries @ problem.keys.mT
    radius = score_radius(problem.queries, problem.keys)
    assert float(scores.abs().max()) <= radius * (1 + 1e-12)
    assert gamma(problem) == pytest.approx((2.0, 2.0))
    assert radius <= 2.0**2 * (1 + 1e-12)  # d Gamma^2 beta, beta = 1/d


def test_the_radius_is_read_off_without_the_scores():
    huge = torch.ones(200_000, 2)  # whose scores would take 160 GB
    assert score_radius(huge, huge) == pytest.approx(2.0)


def test_degree_grows_with_the_adapter_and_is_refused_beyond():
    degrees = [chosen_polynomial(grown_adapter(64, 4, 0, k), 1e-3).degree for k in (1, 4, 8)]
    assert degrees == sorted(degrees)
    assert degrees[0] < degrees[-1]
    with pytest.raises(InvalidInputError, match=r"monomials of 4 variables; allowed: 1000\. Make"):
        aloragc(grown_adapter(64, 4, 0, 64), 1e-3, max_features=1000)


def test_the_promise_is_kept_for_float32():
    """What float32 cannot hold is worked out in float64."""
    exact = standard_problem(512, 4, 1.0, 0)
    weights = (
        AdaptedWeight(w.frozen.float(), w.B.float(), w.A.float(), w.scale)
        for w in exact.head.weights.values()
    )
    problem = Problem(exact.x.float(), exact.y.float(), Head(*weights, beta=exact.head.beta))
    solved = aloragc(problem, 1e-7)
    wanted = closed_form(problem.double()).of_adapters(problem.head.double())
    errors = [float((solved.adapters[name] - wanted[name]).abs().max()) for name in wanted]
    assert max(errors) <= solved.bound <= 1e-7


def test_an_adapter_that_cannot_be_capped():
    head = AdaptedHead({name: torch.zeros(3, 3) for name in NAMES}, 2, 1.0)
    head.B["query"].data.fill_(torch.inf)
    with pytest.raises(InvalidInputError, match="not finite; no factor"):
        head.cap(torch.ones(4, 3), 1.0)
    with pytest.raises(InvalidInputError, match=r"alpha=0\.0"):
        AdaptedHead({name: torch.zeros(3, 3) for name in NAMES}, 2, 1.0, alpha=0.0)


def test_what_aloragc_refuses():
    problem = standard_problem(20, 3, 1.0, 0)
    bare = Head(*(AdaptedWeight(w.merged) for w in problem.head.weights.values()), beta=1.0)
    for call, message in (
        (lambda: aloragc(problem, 0.0), "epsilon=0.0"),
        (lambda: aloragc(problem, 1e-13), "below what float64 can promise"),
        (lambda: aloragc(problem, 1e-3, kind="legendre"), "allowed: taylor, chebyshev"),
        (lambda: aloragc(Problem(problem.x, problem.y, bare), 1e-3), "no adapter"),
        (lambda: grown_adapter(8, 2, 0, -1.0), "growth=-1.0"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            call()


@pytest.mark.parametrize("name", ["W_value", "B_query", "A_key"])
def test_a_weight_that_is_not_finite_is_no_promise(name):
    """Maxima drop a NaN: no bound would see it."""
    problem = standard_problem(8, 2, 1.0, 0)
    problem.head.named()[name].view(-1)[0] = float("nan")
    with pytest.raises(InvalidInputError, match=f"{name} has entries that are not finite"):
        Problem(problem.x, problem.y, problem.head)


def test_problems_that_are_none():
    problem = standard_problem(8, 2, 1.0, 0)
    for x, y, said in (
        (problem.x[None], problem.y, "needed are"),
        (problem.x[:0], problem.y[:0], "L at least 1"),
        (problem.x.float(), problem.y, "Types differ"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            Problem(x, y, problem.head)
    with pytest.raises(InvalidInputError, match="tokens=-1"):
        fast_gradients(problem, taylor(4, 1.0), tokens=-1)
    head = AdaptedHead({name: torch.eye(2) for name in ("query", "key", "value")}, 1, 1.0)
    with pytest.raises(InvalidInputError, match=r"factor=1\.0"):
        head.cap(torch.ones(3, 2), 9.0, factor=1.0)
    with torch.no_grad():
        head.A["query"].fill_(float("nan"))
    with pytest.raises(InvalidInputError, match="not finite"):
        head.cap(torch.ones(3, 2), 9.0)


def test_chebyshev_takes_a_smaller_degree():
    problem = standard_problem(64, 4, 1.5, 0)
    found = {kind: aloragc(problem, 1e-3, kind=kind) for kind in ("taylor", "chebyshev")}
    assert found["chebyshev"].features < found["taylor"].features
    assert all(solved.bound <= 1e-3 for solved in found.values())


@pytest.mark.parametrize("degree", [2, 4, 6])
def test_attention_has_the_gradient_of_the_chain(degree):
    problem, polynomial = standard_problem(50, 3, 1.0, 0), taylor(degree, 1.0)
    q, k, v = (a.clone().requires_grad_() for a in (problem.queries, problem.keys, problem.values))
    output = almost_linear_attention(q, k, v, polynomial, scale=1.0)
    loss = (output - problem.y).square().sum() / 2
    by_query, by_key, by_value = torch.autograd.grad(loss, (q, k, v))
    wanted = fast_gradients(problem, polynomial)
    x = problem.x
    for found, name in (
        (problem.head.beta * x.mT @ by_query, "query"),
        (x.mT @ by_key, "key"),
        (x.mT @ by_value, "value"),
    ):
        torch.testing.assert_close(found, wanted.weights[name], rtol=1e-9, atol=1e-11)
    assert float(loss.detach()) == pytest.approx(wanted.loss, rel=1e-12)


def test_attention_is_close_to_exact_attention_and_its_gradient():
    generator = torch.Generator().manual_seed(0)
    q, k = (0.5 * torch.randn(2, 3, n, 4, generator=generator).double() for n in (7, 9))
    v, upstream = (torch.randn(2, 3, n, 5, generator=generator).double() for n in (9, 7))
    leaves = [a.requires_grad_() for a in (q, k, v)]
    radius = score_radius(q.detach().flatten(0, 2), k.detach().flatten(0, 2)) / 2
    found = almost_linear_attention(q, k, v, taylor(14, radius))
    wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v)
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-9)
    for one, other in zip(
        torch.autograd.grad(found, leaves, upstream),
        torch.autograd.grad(wanted, leaves, upstream),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-8)


def test_attention_forms_no_matrix_of_scores():
    """Forward and backward: memory grows with L, the largest tensor is far below L x L."""

    def training(length: int) -> Allocations:
        q, k, v = (0.3 * torch.randn(length, 3) for _ in range(3))
        leaves = [a.requires_grad_() for a in (q, k, v)]
        polynomial = taylor(4, float(score_radius(q.detach(), k.detach())))
        with Allocations() as seen:
            almost_linear_attention(*leaves, polynomial).square().sum().backward()
        return seen

    short, long = training(2000), training(8000)
    assert long.largest < 0.1 * 4 * 8000**2
    assert long.peak_bytes < 4.4 * short.peak_bytes


def test_attention_refuses():
    ones = torch.ones(4, 2)
    for arguments, message in (
        ((ones, torch.ones(4, 3), ones), "needed are"),
        ((ones.half(), ones.half(), ones.half()), "monomials need the digits"),
        ((ones[0], ones[0], ones[0]), "needed are"),
        ((ones[:0], ones, ones), "are empty"),
        ((ones, ones.double(), ones), "all float32, or all float64"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            almost_linear_attention(*arguments, taylor(2, 1.0))
    with pytest.raises(InvalidInputError, match="row sums could vanish"):
        almost_linear_attention(9 * ones, ones, ones, taylor(3, 1.0))


def test_a_head_that_trains_in_both_ways():
    of = lesson(48, 3, 2, 0.5, 0)
    traces = {
        name: train(student(of, 2, 0, polynomial), of, steps=15, lr=0.01, cap=1.0)
        for name, polynomial in (("exact", None), ("fast", taylor(4, 1.0)))
    }
    exact, fast = traces["exact"], traces["fast"]
    assert exact.losses[-1] < exact.losses[0]
    assert fast.losses[-1] == pytest.approx(exact.losses[-1], rel=0.01)
    assert min(exact.cosines) == pytest.approx(1.0, abs=1e-9)
    assert min(fast.cosines) >= 0.999
    assert fast.broke() is None
    assert max(fast.radii) <= 1.0
    assert len(fast.losses) == 16


def test_the_cap():
    of = lesson(32, 3, 2, 0.5, 0)
    head = student(of, 2, 0)
    with torch.no_grad():
        for name in ("query", "key"):
            head.B[name].copy_(torch.ones_like(head.B[name]))
    before = head.radius(of.x)
    assert before > 1
    assert head.cap(of.x, 1.0) > 0
    assert 0.9 < head.radius(of.x) <= 1.0
    assert head.cap(of.x, 1.0) == 0
    with pytest.raises(InvalidInputError, match="no adapter is small enough"):
        head.cap(of.x, 1e-6)


def test_an_uncapped_training_says_where_it_breaks():
    of = lesson(64, 4, 2, 0.5, 0)
    trace = train(student(of, 2, 0, taylor(2, 1.0)), of, steps=60, lr=0.05)
    step = trace.broke()
    assert step is not None
    assert trace.radii[step] > 1
    assert trace.cosines[step] < 0.999


def test_what_training_refuses():
    of = lesson(8, 2, 1, 0.5, 0)
    for call, message in (
        (lambda: lesson(0, 2, 1, 0.5, 0), "length=0"),
        (lambda: train(student(of, 1, 0), of, steps=0, lr=0.1), "steps=0"),
        (lambda: AdaptedHead({"query": torch.ones(2, 2)}, 1, 1.0), "needed are"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            call()
