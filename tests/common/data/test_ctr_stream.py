"""The generated stream: its law, its Bayes AUC, the same bytes everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from common.data.blocks import block_rng
from common.data.catalogue import load
from common.data.ctr_stream import (
    Teacher,
    expected_auc,
    features,
    scale_and_shift,
    sigmoid,
    vocabularies,
)
from common.data.specs import CtrStreamSpec

SPEC = CtrStreamSpec(
    train=3000, val=500, test=1500, sparse_fields=6, dense_fields=3, largest=500, seed=4
)


def test_the_same_bytes(context):
    assert load(SPEC, context).content_sha256 == (
        "efc3d58cc83ae0a4c4ea4f870641a16315ddcd79c58c3b69a4e8a84e03f7c35f"
    )


def test_splits_and_ranges(context):
    data = load(SPEC, context)
    assert [len(part) for part in (data.train, data.val, data.test)] == [3000, 500, 1500]
    assert data.vocabularies == (10, 22, 48, 105, 229, 500)
    for part in (data.train, data.val, data.test):
        assert (part.ids.amax(0).numpy() < np.array(data.vocabularies)).all()
        assert int(part.ids.min()) >= 0
    seen = np.concatenate([data.train.dense, data.val.dense])
    np.testing.assert_allclose(seen.min(0), 0, atol=0)
    np.testing.assert_allclose(seen.max(0), 1, atol=1e-6)
    assert not data.is_paper_data


def test_published_shape():
    sizes = vocabularies(CtrStreamSpec())
    assert (len(sizes), sizes[0], sizes[-1]) == (26, 10, 1_000_000)
    ratios = np.array(sizes[1:]) / sizes[:-1]
    assert pytest.approx(np.median(ratios), rel=0.02) == 10 ** (5 / 25)


def test_ids_follow_zipf():
    ids, logs = features(SPEC, block_rng(0, 0), 200_000)
    counts = np.bincount(ids[:, 0], minlength=10)
    mass = np.arange(1, 11.0) ** -1.1
    np.testing.assert_allclose(counts / counts.sum(), mass / mass.sum(), rtol=0.04)
    assert abs(logs.mean()) < 0.01
    assert logs.std() == pytest.approx(1, rel=0.01)


def test_expected_auc_against_all_pairs():
    p = np.array([0.1, 0.5, 0.5, 0.9, 0.3])
    won = sum(a * (1 - b) * ((a > b) + 0.5 * (a == b)) for a in p for b in p)
    assert expected_auc(p) == pytest.approx(won / (p.sum() * (1 - p).sum()), abs=1e-12)


def test_expected_auc_is_what_drawn_labels_have():
    rng = np.random.default_rng(0)
    p = sigmoid(rng.normal(size=4000))
    labels = rng.random((200, 4000)) < p
    order = p.argsort()
    ranks = np.empty(4000)
    ranks[order] = np.arange(1, 4001)
    up = labels.sum(1)
    areas = ((labels * ranks).sum(1) - up * (up + 1) / 2) / (up * (4000 - up))
    assert expected_auc(p) == pytest.approx(areas.mean(), abs=0.002)


def test_scale_and_shift_reach_what_is_asked():
    logits = np.random.default_rng(0).normal(size=5000)
    scale, shift = scale_and_shift(logits, 0.7, 0.1)
    p = sigmoid(scale * logits + shift)
    assert (expected_auc(p), p.mean()) == pytest.approx((0.7, 0.1), abs=1e-6)


def test_the_teacher_is_a_factorisation_machine_and_a_network():
    teacher = Teacher(SPEC)
    ids, logs = features(SPEC, block_rng(1, 0), 2000)
    vectors = np.stack([t[i] for t, i in zip(teacher.factors, ids.T, strict=True)], 1)
    scaled = vectors * np.sqrt(teacher.spectrum)
    pairs = sum(
        (scaled[:, i] * scaled[:, j]).sum(1) for i in range(6) for j in range(i + 1, 6)
    ) / np.sqrt(15 * (teacher.spectrum**2).sum())
    flat = np.concatenate([vectors.transpose(0, 2, 1).reshape(2000, -1), logs], 1)
    network = np.maximum(flat @ teacher._first, 0) @ teacher._second
    np.testing.assert_allclose(teacher.logits(ids, logs), pairs + network, atol=1e-10)


def test_the_bayes_auc_is_about_what_was_asked(context):
    spec = CtrStreamSpec(train=10_000, val=500, test=20_000, sparse_fields=5, largest=100)
    data = load(spec, context)
    assert data.bayes_auc == pytest.approx(0.8, abs=0.01)
    assert float(data.train.targets.mean()) == pytest.approx(0.25, abs=0.02)
