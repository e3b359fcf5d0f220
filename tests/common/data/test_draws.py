from __future__ import annotations

import hashlib

import numpy as np
import pytest

from common.data import draws
from common.data.blocks import block_rng
from common.data.draws import normal, shuffled, uniform, uniform_integers

# SHA-256 of the little-endian values of 1,001 deviates of the stream (0, 0)
PINNED = {
    "uniform": "e094e1577f96a709b07fb264cfe7a6e566ca7a9d484e005a0a2912cf5142a132",
    "normal": "0931ec66c3ef0a023d3f1578c7010fa544aafe2a4aa72c849f7a658c0f887de6",
}


@pytest.mark.parametrize("name", PINNED)
def test_the_same_bits_on_any_machine(name):
    values = getattr(draws, name)(block_rng(0, 0), 7, 143)
    assert values.shape == (7, 143)
    assert hashlib.sha256(values.astype("<f8").tobytes()).hexdigest() == PINNED[name]


def test_uniform_has_53_bits():
    values = uniform(block_rng(0, 0), 100_000)
    assert 0 <= values.min() < 1e-4 < 0.9999 < values.max() < 1
    assert (values * 2.0**53 == np.floor(values * 2.0**53)).all()
    assert (values * 2.0**52 != np.floor(values * 2.0**52)).mean() == pytest.approx(0.5, abs=0.01)


def test_normal_deviates_have_the_moments_and_tails_of_the_law():
    values = normal(block_rng(0, 0), 400_001)
    assert values.shape == (400_001,)
    assert abs(values.mean()) < 0.005
    assert values.std() == pytest.approx(1, abs=0.005)
    assert (values**4).mean() == pytest.approx(3, abs=0.05)
    for level, share in ((1, 0.3173), (2, 0.0455), (3, 0.0027)):
        assert (np.abs(values) > level).mean() == pytest.approx(share, rel=0.06)
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.005


def test_normal_deviates_do_not_depend_on_the_shape():
    flat = normal(block_rng(0, 0), 12)
    assert normal(block_rng(0, 0), 3, 4).tolist() == flat.reshape(3, 4).tolist()
    assert normal(block_rng(0, 0), 0).shape == (0,)


def test_shuffled_is_a_permutation():
    order = shuffled(block_rng(0, 0), 1_000)
    assert sorted(order.tolist()) == list(range(1_000))
    assert order.tolist() != shuffled(block_rng(0, 1), 1_000).tolist()


def test_integers_are_within_their_bounds():
    values = uniform_integers(block_rng(0, 0), -2, 3, 10_000)
    assert values.dtype == np.int64
    assert np.bincount(values + 2).min() > 1_500
