"""Which rows are trained on, how answers are scored, and what a method changes at the start."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from common.data.glue import LabelledSentences
from common.data.glue_files import Rows
from common.errors import InvalidInputError
from common.fine_tuning.experiment import scores, start_difference
from common.fine_tuning.frozen import FrozenOutputs
from common.fine_tuning.prefix import Suffix, hidden
from common.fine_tuning.probe import Probe
from common.fine_tuning.subject import Subject, rows_of
from common.fine_tuning.training import Recipe, order, train
from tests.common.fine_tuning.test_protocol import CONFIG, classifier, data, encoder  # noqa: F401

LABELS = [0, 1, 1, 0, 1, 0, 1, 1, 0, 0]


@pytest.fixture
def sentences():
    rows = Rows([str(i) for i in range(10)], [], LABELS)
    return LabelledSentences(rows, rows, "toy", "toy", "", "", "accuracy")


def task(**settings):
    return SimpleNamespace(**({"held_out": 2, "rows": 0, "rows_per_class": 0} | settings))


def test_rows_apart_stay_whatever_is_trained_on(sentences):
    everything, apart = rows_of(sentences, task(), 3)
    assert sorted([*everything.tolist(), *apart.tolist()]) == list(range(10))
    some, again = rows_of(sentences, task(rows=4), 3)
    assert torch.equal(apart, again)
    assert torch.equal(some, everything[:4])
    assert not torch.equal(apart, rows_of(sentences, task(), 4)[1])
    each, again = rows_of(sentences, task(rows_per_class=3), 3)
    assert torch.equal(apart, again)
    assert sorted(LABELS[i] for i in each.tolist()) == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rows": 9}, "task.rows=9; toy has 8 besides 2 held"),
        ({"rows_per_class": 5}, "task.rows_per_class=5; toy has"),
        ({"held_out": 0}, "task.held_out=0 of 10 rows of toy; allowed: 1 to 9"),
        ({"held_out": 10}, "task.held_out=10 of 10"),
    ],
)
def test_rows_that_are_not_there(sentences, settings, message):
    with pytest.raises(InvalidInputError, match=message):
        rows_of(sentences, task(**settings), 0)


def test_scores_are_the_published_metrics():
    logits = torch.eye(2)[[0, 0, 1, 1, 1]]
    labels = torch.tensor([0, 1, 1, 1, 0])
    assert scores("accuracy", logits, labels)["score"] == pytest.approx(60)
    found = scores("f1_accuracy", logits, labels)
    assert found["score"] == pytest.approx((60 + 100 * 2 / 3) / 2)
    # tp 2, tn 1, fp 1, fn 1: (2 - 1) / sqrt(3 * 3 * 2 * 2)
    assert scores("matthews", logits, labels)["score"] == pytest.approx(100 / 6)


def test_what_a_method_changes_before_the_first_step(encoder, data):  # noqa: F811
    kept = hidden(encoder, data, below=1)
    suffix = Suffix(encoder, 2)
    probe = Probe(torch.randn(2, 8), torch.randn(2))
    outputs = FrozenOutputs(kept, kept, kept, probe, torch.zeros(8, 8))
    start = Subject(outputs, suffix, 8, 2, "accuracy", [])
    model = start.classifier(start.copy_of_blocks())
    assert start_difference(start, model) == 0
    with torch.no_grad():
        model.head.bias += 0.25
    assert start_difference(start, model) == pytest.approx(0.25)


def test_a_training_that_does_not_reach_its_parameters(encoder, data):  # noqa: F811
    kept = hidden(encoder, data, below=1)
    model = classifier(encoder)
    model.unused = torch.nn.Parameter(torch.zeros(1))
    with pytest.raises(InvalidInputError, match="The loss does not depend on unused"):
        train(model, model.head, kept, Recipe(steps=2, batch_size=4, lr=0.1))
    with pytest.raises(InvalidInputError, match="no rows to train on"):
        order(0, Recipe(steps=2, batch_size=4, lr=0.1))
