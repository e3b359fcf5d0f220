"""Trees, annuli and distance sums against slow references and closed forms, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.errors import InvalidInputError
from papers.private_similarity.annuli import Annuli
from papers.private_similarity.consistency import consistent
from papers.private_similarity.exact import l1_sums, leaf_sums, rounded_sums
from papers.private_similarity.mechanisms import Gaussian, Laplace
from papers.private_similarity.models import DistanceSums
from papers.private_similarity.simulation import NoNoise, Simulation
from papers.private_similarity.trees import CountTrees, LeafCounts, leaf_of, node_count


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def random_trees(height: int, arity: int, seed: int = 0, d: int = 2) -> CountTrees:
    """Independent numbers at every node, so that each choice of nodes has a sum of its own."""
    sizes = [arity ** (height - i) for i in range(height + 1)]
    return CountTrees(
        tuple(torch.from_numpy(rng(seed).standard_normal((d, size))) for size in sizes), arity
    )


def fewest_nodes(start: int, stop: int, height: int, arity: int) -> list[tuple[int, int]]:
    """(level, place) of the largest aligned blocks, from the left."""
    found = []
    while start < stop:
        level = 0
        while level < height:
            size = arity ** (level + 1)
            if start % size or start + size > stop:
                break
            level += 1
        found.append((level, start // arity**level))
        start += arity**level
    return found


@settings(max_examples=60, deadline=None)
@given(shape=st.sampled_from([(1, 2), (4, 2), (6, 2), (3, 3), (2, 4), (2, 16)]), data=st.data())
def test_intervals_are_sums_of_the_fewest_nodes(shape, data):
    height, arity = shape
    trees, leaves = random_trees(height, arity), arity**height
    start = data.draw(st.integers(0, leaves))
    stop = data.draw(st.integers(start, leaves))
    nodes = fewest_nodes(start, stop, height, arity)
    ends = torch.tensor([start]), torch.tensor([stop])
    for tree in range(2):
        expected = sum(float(trees.levels[level][tree, place]) for level, place in nodes)
        assert float(trees.between(tree, *ends)) == pytest.approx(expected, abs=1e-9)
    assert int(node_count(*ends, height, arity)) == len(nodes)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 9),
    alpha=st.floats(0.02, 3),
    weight=st.sampled_from(["upper", "geometric", "lower"]),
    power=st.sampled_from([1.0, 1.5, 2.0]),
    seed=st.integers(0, 99),
)
def test_annuli_hold_every_other_leaf_once_and_weigh_it_within_a_factor(
    height, alpha, weight, power, seed
):
    leaves = 2**height
    annuli, leaf = Annuli(leaves, alpha, weight, power), torch.tensor([seed % leaves])
    times = torch.zeros(leaves, dtype=torch.int64)
    weights = torch.zeros(leaves, dtype=torch.float64)
    for starts, stops in annuli.borders(leaf):
        for j, (start, stop) in enumerate(zip(starts[0], stops[0], strict=True)):
            times[start:stop] += 1
            weights[start:stop] = annuli.weights[j]
    assert times[leaf] == 0
    assert int(times.sum()) == leaves - 1
    assert int(times.max()) <= 1
    distance = ((torch.arange(leaves) - leaf).abs() / leaves) ** power
    others = times == 1
    low, high = {
        "upper": (0.0, 1.0), "geometric": (-0.5, 0.5), "lower": (-1.0, 0.0)
    }[weight]  # fmt: skip
    ratio = weights[others] / distance[others]
    assert (ratio >= (1 + alpha) ** (low * power) * (1 - 1e-9)).all()
    assert (ratio <= (1 + alpha) ** (high * power) * (1 + 1e-9)).all()


@settings(max_examples=25, deadline=None)
@given(
    d=st.integers(1, 3),
    n=st.integers(1, 40),
    shape=st.sampled_from([(5, 2), (2, 4)]),
    alpha=st.sampled_from([0.05, 0.5, 1.0]),
    p=st.sampled_from([1.0, 2.0]),
)
def test_without_noise_sums_are_within_one_plus_alpha(d, n, shape, alpha, p):
    height, arity = shape
    x, y = rng(n).uniform(-2, 3, (n, d)), rng(n + 1).uniform(-2, 3, (7, d))
    released = DistanceSums.release(x, NoNoise(), low=-2, high=3, height=height, arity=arity)
    rounded = rounded_sums(x, y, -2, 3, arity**height, p)
    for counts in ("tree", "consistent"):
        found = released.query(y, alpha, p=p, counts=counts)
        assert (found >= rounded * (1 - 1e-9) - 1e-9).all()
        assert (found <= rounded * (1 + alpha) ** p * (1 + 1e-9) + 1e-9).all()
    if p == 1:
        slow = np.abs(x[:, None] - y).sum((0, 2))
        np.testing.assert_allclose(l1_sums(x, y), slow)
        assert np.abs(rounded - slow).max() <= n * d * 5 / arity**height + 1e-9


@pytest.mark.parametrize(("arity", "height"), [(2, 5), (3, 3)])
def test_consistent_counts_are_least_squares(arity, height):
    trees = random_trees(height, arity, d=1)
    leaves = arity**height
    rows = [
        np.kron(np.eye(arity ** (height - level)), np.ones(arity**level))
        for level in range(height + 1)
    ]
    noisy = torch.cat(trees.levels, 1)[0].numpy()
    best = np.linalg.lstsq(np.concatenate(rows), noisy, rcond=None)[0]
    np.testing.assert_allclose(consistent(trees).counts[0], best, atol=1e-10)
    assert len(best) == leaves


def test_noise_has_the_closed_form():
    x, y = rng().random((50, 2)), np.array([[0.3, 0.8]])
    for mechanism in (Laplace(0.7, Simulation(0)), Gaussian(0.4, Simulation(1), "replace")):
        answers = [
            DistanceSums.release(x, mechanism, high=2.0, height=6).query(y, 0.2)[0]
            for _ in range(300)
        ]
        still = DistanceSums.release(x, NoNoise(), high=2.0, height=6)
        law = float(still.deviation(y, mechanism, 0.2)[0])
        assert np.std(answers) == pytest.approx(law, rel=0.15)
        assert np.mean(answers) == pytest.approx(float(still.query(y, 0.2)[0]), abs=law / 5)


def test_the_figures_of_a_tree_and_a_flat_histogram():
    """Deviations worked out by hand of the design, epsilon 1, alpha 0.1, a third of the way."""
    y, mechanism = np.array([1 / 3]), Laplace(1.0, Simulation(0))
    for height, figure in ((10, 60), (14, 114), (18, 171)):
        released = DistanceSums.release(y, NoNoise(), height=height)
        assert float(released.deviation(y, mechanism)[0]) == pytest.approx(figure, abs=1)


def test_every_node_has_noise_even_an_empty_one():
    x = torch.full((5, 1), 0.5, dtype=torch.float64)
    trees = DistanceSums.release(x, Laplace(1.0, Simulation(0)), height=4).trees
    for level, still in zip(
        trees.levels, CountTrees.of(leaf_of(x, 0, 1, 16).unbind(1), 4).levels, strict=True
    ):
        assert ((level - still).abs() > 0).all()


@pytest.mark.parametrize("neighbors", ["add_remove", "replace"])
def test_noise_is_scaled_by_levels_and_neighbours(neighbors):
    """h + 1 levels in each of d trees, twice that where a record is replaced."""
    seen = []

    class Backend(Simulation):
        def laplace(self, values, scale):
            seen.append(scale)
            return values

    DistanceSums.release(rng().random((5, 3)), Laplace(0.5, Backend(0), neighbors), height=4)
    assert seen == [pytest.approx((2 if neighbors == "replace" else 1) * 3 * 5 / 0.5)]


def test_a_query_has_one_answer_in_its_own_kind():
    x = rng().random((30, 2))
    backend = Simulation(0)
    released = DistanceSums.release(x, Laplace(1.0, backend), height=6)
    drawn = backend.drawn
    y = rng(1).random((4, 2))
    first = released.query(y)
    np.testing.assert_array_equal(first, released.query(y))
    assert backend.drawn == drawn
    for dtype in (torch.float32, torch.float64):
        asked = torch.from_numpy(y).to(dtype)
        found = released.query(asked)
        assert isinstance(found, torch.Tensor)
        assert float((found - torch.from_numpy(first)).abs().max()) < 1e-9


def test_all_points_equal():
    x = np.full((20, 1), 0.25)
    released = DistanceSums.release(x, NoNoise(), height=8)
    found = released.query(np.array([0.25, 0.75]), 0.1)
    assert found[0] == 0
    assert 10 - 1e-9 <= found[1] <= 11


def test_leaves_summed_as_they_are():
    counts = rng().random((2, 16))
    leaf = torch.tensor([[0, 15], [7, 3]])
    slow = [
        sum(abs(i - int(at[d])) * counts[d, i] for d in range(2) for i in range(16)) for at in leaf
    ]
    np.testing.assert_allclose(leaf_sums(LeafCounts(torch.from_numpy(counts)), leaf), slow)


@pytest.mark.parametrize("alpha", [1e-3, 1e-12])
def test_annuli_of_a_small_alpha_are_leaves(alpha):
    annuli = Annuli(16, alpha)
    assert annuli.offsets.tolist() == list(range(1, 17))
    near = (1 + alpha) ** annuli_index(annuli)
    np.testing.assert_allclose(16 / near, annuli.offsets, rtol=2e-3)


def annuli_index(annuli: Annuli) -> np.ndarray:
    """From the weights of a range of length 1, (1 + alpha)^-j."""
    return -np.log(annuli.weights.numpy()) / np.log1p(annuli.alpha)


def test_rows_backwards_are_taken():
    x = rng().random((5, 2))
    np.testing.assert_allclose(
        DistanceSums.release(x[::-1], NoNoise()).query(x[:, ::-1]),
        DistanceSums.release(x.copy()[::-1].copy(), NoNoise()).query(x[:, ::-1].copy()),
    )


def released(**settings) -> DistanceSums:
    return DistanceSums.release(rng().random((5, 2)), NoNoise(), **settings)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: DistanceSums.release(np.array([0.1, math.nan]), NoNoise()), "NaN or infinity"),
        (lambda: DistanceSums.release(np.array([0.1, math.inf]), NoNoise()), "NaN or infinity"),
        (lambda: DistanceSums.release(np.array([1, 2]), NoNoise()), "Convert it first"),
        (lambda: DistanceSums.release(np.empty((0, 2)), NoNoise()), "one of each at least"),
        (lambda: DistanceSums.release(np.empty((2, 0)), NoNoise()), "one of each at least"),
        (lambda: released(low=1.0, high=1.0), "low below high"),
        (lambda: released(high=math.inf), "finite, low below high"),
        (lambda: released(height=4.0), "height=4.0"),
        (lambda: released(height=64), "at most 1073741824"),
        (lambda: released().query(np.ones((1, 2)), 1e-17), "alpha=1e-17"),
        (lambda: released().deviation(np.ones((1, 3)), NoNoise()), "3 coordinates"),
        (lambda: released(height=0), "height=0"),
        (lambda: released(arity=1), "arity=1"),
        (lambda: released().query(np.ones((1, 3))), "3 coordinates; the points have 2"),
        (lambda: released().query(np.full((1, 2), math.nan)), "NaN or infinity"),
        (lambda: released().query(np.ones((1, 2)), 0.0), "alpha=0.0"),
        (lambda: released().query(np.ones((1, 2)), p=0.5), "p=0.5"),
        (lambda: released().query(np.ones((1, 2)), weight="best"), "weight='best'"),
        (lambda: released().query(np.ones((1, 2)), counts="leaf"), "counts='leaf'"),
    ],
)
def test_what_cannot_be_is_told(call, said):
    with pytest.raises(InvalidInputError, match=said):
        call()
