"""The closed form against autograd; the fast, the written-out and the chunked forms against it."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from common.kernels.monomials import monomial_count
from papers.lora_limits.bounds import score_radius
from papers.lora_limits.chunked import chunked_gradients, one_sweep, two_sweeps
from papers.lora_limits.exact import adapters_by_autograd, chain, chain_of, closed_form
from papers.lora_limits.factored import factored_gradients, factors, polynomial_factors
from papers.lora_limits.fast import block_tokens, fast_gradients
from papers.lora_limits.features import feature_maps, monomial_weights
from papers.lora_limits.head import AdaptedWeight, Head, Problem, distance
from papers.lora_limits.instances import standard_problem
from papers.lora_limits.peers import (
    differentiated_approximation,
    fused_gradients,
    random_feature_factors,
    truncated_factors,
)
from papers.lora_limits.polynomials import chebyshev, taylor


def unequal_widths(length=20, d=5, m=3, n=2, seed=0):
    """Tokens, queries and values of different widths; no adapter of the key."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return 0.5 * torch.randn(*shape, generator=generator, dtype=torch.float64)

    head = Head(
        AdaptedWeight(draw(d, m), draw(d, 2), draw(2, m), 1.5),
        AdaptedWeight(draw(d, m)),
        AdaptedWeight(draw(d, n), draw(d, 1), draw(1, n), 0.5),
        beta=0.3,
    )
    return Problem(draw(length, d), draw(length, n), head)


PROBLEMS = {
    "standard": lambda: standard_problem(40, 4, 1.0, 0),
    "one token": lambda: standard_problem(1, 3, 1.0, 1),
    "unequal widths": unequal_widths,
}


@pytest.fixture(params=PROBLEMS)
def problem(request):
    return PROBLEMS[request.param]()


def far(found, problem):
    exact = closed_form(problem).weights
    scale = max(float(g.norm()) for g in exact.values())
    return max(float((found.weights[n] - exact[n]).norm()) for n in exact) / scale


def test_closed_form_is_autograd(problem):
    wanted = adapters_by_autograd(problem)
    found = closed_form(problem).of_adapters(problem.head)
    assert found.keys() == wanted.keys()
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-10, atol=1e-12)


def test_p_is_the_gradient_of_the_scores(problem):
    scores = (problem.queries @ problem.keys.mT).requires_grad_()
    loss = (torch.softmax(scores, -1) @ problem.values - problem.y).square().sum() / 2
    (wanted,) = torch.autograd.grad(loss, scores)
    p = chain(problem).p
    torch.testing.assert_close(p, wanted, rtol=1e-10, atol=1e-13)
    assert float(p.sum(1).abs().max()) < 1e-12


def test_no_adapter_no_gradient():
    problem = unequal_widths()
    assert {name.split(".")[0] for name in adapters_by_autograd(problem)} == {"query", "value"}


def test_a_zero_factor_silences_the_other():
    problem = unequal_widths()
    weight = problem.head.query
    fresh = AdaptedWeight(weight.frozen, torch.zeros_like(weight.B), weight.A, weight.scale)
    head = Head(fresh, problem.head.key, problem.head.value, problem.head.beta)
    found = closed_form(Problem(problem.x, problem.y, head)).of_adapters(head)
    assert float(found["query.A"].abs().max()) == 0
    assert float(found["query.B"].abs().max()) > 0


@pytest.mark.parametrize("make", [taylor, chebyshev])
@pytest.mark.parametrize("tokens", [None, 1, 7, 64])
def test_fast_is_the_chain_behind_the_polynomial(problem, make, tokens):
    """Blocks change nothing: against the dense chain with P(scores) over row sums as weights."""
    polynomial = make(4, score_radius(problem.queries, problem.keys))
    f = polynomial(problem.queries @ problem.keys.mT)
    links = chain_of(f / f.sum(1, keepdim=True), problem)
    x = problem.x
    wanted = problem.gradients(
        x.mT @ links.p @ x, x.mT @ links.f.mT @ links.c, float(links.c.square().sum() / 2)
    )
    found = fast_gradients(problem, polynomial, tokens)
    for name in wanted.weights:
        torch.testing.assert_close(
            found.weights[name], wanted.weights[name], rtol=1e-10, atol=1e-12
        )
    assert found.loss == pytest.approx(wanted.loss, rel=1e-12)


@pytest.mark.parametrize("degree", [0, 2, 4])
def test_written_out_factors_say_the_same(problem, degree):
    polynomial = taylor(degree, 1.0)
    U1, V1 = polynomial_factors(problem, polynomial)
    found = factored_gradients(problem, U1, V1)
    for name, wanted in fast_gradients(problem, polynomial).weights.items():
        torch.testing.assert_close(found.weights[name], wanted, rtol=1e-9, atol=1e-12)
    parts, n = factors(problem, U1, V1), problem.y.shape[1]
    assert parts.U3.shape[1] == parts.V3.shape[1] == U1.shape[1] * n
    dense = chain_of(U1 @ V1.mT, problem)
    torch.testing.assert_close(parts.U3 @ parts.V3.mT, dense.p1, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(parts.U4 @ parts.V4.mT, dense.p2, rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 40), st.integers(1, 5), st.floats(0.05, 1.0), st.integers(0, 99))
def test_fast_tends_to_exact(length, width, gamma, seed):
    problem = standard_problem(length, width, gamma, seed)
    radius = score_radius(problem.queries, problem.keys)
    errors = [far(fast_gradients(problem, taylor(g, radius)), problem) for g in (2, 6, 10)]
    assert errors[1] <= max(errors[0], 1e-12)
    assert errors[2] < 1e-6


def test_single_precision():
    single = standard_problem(512, 4, 1.0, 0, dtype=torch.float32)
    double = standard_problem(512, 4, 1.0, 0)
    found = fast_gradients(single, taylor(4, 1.0))
    assert max(distance(found.weights, closed_form(double).weights).values()) < 1e-5


@pytest.mark.parametrize("form", [chunked_gradients, one_sweep, two_sweeps])
def test_chunked_is_exact(problem, form):
    assert far(form(problem), problem) < 1e-13
    assert form(problem).loss == pytest.approx(closed_form(problem).loss, rel=1e-12)


def test_chunked_over_several_tiles():
    problem = standard_problem(2500, 3, 1.0, 0)
    wanted = closed_form(problem)
    assert max(distance(one_sweep(problem).weights, wanted.weights).values()) < 1e-12
    assert max(distance(two_sweeps(problem, 300).weights, wanted.weights).values()) < 1e-12


def test_large_scores_do_not_overflow_the_exact_peer():
    problem = standard_problem(50, 3, 60.0, 0, dtype=torch.float32)
    assert score_radius(problem.queries, problem.keys) > 500
    found = chunked_gradients(problem)
    wanted = closed_form(standard_problem(50, 3, 60.0, 0))
    assert all(bool(torch.isfinite(g).all()) for g in found.weights.values())
    assert float((found.value - wanted.value).norm() / wanted.value.norm()) < 1e-3


def test_peers():
    problem = standard_problem(64, 4, 1.0, 0)
    assert far(fused_gradients(problem), problem) < 1e-12
    assert far(factored_gradients(problem, *truncated_factors(problem, 64)), problem) < 1e-12
    f = chain(problem).f
    left, right = truncated_factors(problem, 9)
    tail = torch.linalg.svdvals(f)[9:].norm()
    torch.testing.assert_close((f - left @ right.mT).norm(), tail, rtol=1e-9, atol=1e-14)


def test_random_features_tend_to_the_weights():
    problem = standard_problem(32, 3, 1.0, 0)
    f = chain(problem).f

    def error(features):
        left, right = random_feature_factors(problem, features, 0)
        assert left.shape == right.shape == (32, features)
        torch.testing.assert_close((left @ right.mT).sum(1), torch.ones(32).double())
        return float((left @ right.mT - f).norm() / f.norm())

    assert error(20_000) < 0.3 * error(100)
    assert error(20_000) < 0.02


def test_the_derivative_of_the_approximation_is_another_gradient():
    """For Taylor, P' is the polynomial of one degree less."""
    problem = standard_problem(64, 4, 1.0, 0)
    polynomial = taylor(4, 1.0)
    paper, derivative = (
        fast_gradients(problem, polynomial),
        differentiated_approximation(problem, polynomial),
    )
    apart = max(distance(derivative.weights, paper.weights).values())
    assert 1e-8 < apart < 1e-3
    scores = torch.linspace(-1, 1, 9, dtype=torch.float64).requires_grad_()
    (slope,) = torch.autograd.grad(polynomial(scores).sum(), scores)
    torch.testing.assert_close(slope, taylor(3, 1.0)(scores.detach()))
    # Values see the forward only, and there the two agree.
    torch.testing.assert_close(derivative.value, paper.value, rtol=1e-10, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 8), st.integers(0, 6), st.integers(0, 99))
def test_features(width, degree, seed):
    generator = torch.Generator().manual_seed(seed)
    q, k = torch.randn(2, 6, width, generator=generator, dtype=torch.float64)
    for make in (taylor, chebyshev):
        polynomial = make(degree, 2.0)
        left, right = feature_maps(q / width, k, polynomial)
        assert left.shape[1] == right.shape[1] == monomial_count(width, degree)
        wanted = polynomial(q / width @ k.mT)
        assert float((left @ right.mT - wanted).abs().max() / wanted.abs().max()) < 1e-12


def test_signs_stand_on_the_key_side():
    polynomial = chebyshev(3, 6.0)
    assert min(polynomial.coefficients) < 0
    ones = torch.ones(1, 2, dtype=torch.float64)
    left, right = feature_maps(ones, ones, polynomial)
    assert bool((left >= 0).all())
    assert bool((right < 0).any())


def test_weights_of_monomials_are_those_of_taylor():
    """1 / a! for Taylor: the tensor powers of degree t hold each monomial t!/a! times."""
    weights = monomial_weights(2, taylor(3, 1.0))
    a = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3)]
    wanted = [1 / math.factorial(i) / math.factorial(j) for i, j in a]
    torch.testing.assert_close(weights, torch.tensor(wanted, dtype=torch.float64))


def test_blocks_fit_a_cache():
    assert block_tokens(1) == 4096
    assert block_tokens(1 << 20) == 64


def test_what_is_refused():
    x, y = torch.ones(4, 3), torch.ones(4, 2)
    good = AdaptedWeight(torch.ones(3, 2))
    for head, message in (
        (Head(AdaptedWeight(torch.ones(2, 2)), good, good, 1.0), "x has width 3"),
        (Head(AdaptedWeight(torch.ones(3, 4)), good, good, 1.0), "Queries have width 4"),
        (Head(good, good, AdaptedWeight(torch.ones(3, 5)), 1.0), "y has shape"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            Problem(x, y, head)
    with pytest.raises(InvalidInputError, match="not finite"):
        Problem(x * math.nan, y, Head(good, good, good, 1.0))
    with pytest.raises(InvalidInputError, match="both B and A"):
        AdaptedWeight(torch.ones(3, 2), B=torch.ones(3, 1))
    with pytest.raises(InvalidInputError, match="needed are"):
        AdaptedWeight(torch.ones(3, 2), torch.ones(3, 2), torch.ones(1, 2))
    problem = standard_problem(20, 3, 3.0, 0)
    with pytest.raises(InvalidInputError, match="row sums could vanish"):
        fast_gradients(problem, taylor(1, 1.0))
    with pytest.raises(InvalidInputError, match="rank=21"):
        truncated_factors(problem, 21)
    with pytest.raises(InvalidInputError, match="features=0"):
        random_feature_factors(problem, 0, 0)
    with pytest.raises(InvalidInputError, match="needed are 20"):
        factors(problem, torch.ones(3, 1).double(), torch.ones(3, 1).double())
    with pytest.raises(InvalidInputError, match="gamma=0"):
        standard_problem(4, 2, 0, 0)
