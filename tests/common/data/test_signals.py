from __future__ import annotations

import numpy as np
import pytest
import torch

from common.data.prepared import content_sha256
from common.data.signals import signal_data

FACTS = {"name": "waves", "n_classes": 2, "is_paper_data": False, "source": "made up", "notes": []}


def splits(targets_of, sizes=(6, 2, 4)):
    rng = np.random.default_rng(0)
    return {
        name: (rng.standard_normal((n, 5, 3)).astype(np.float32), targets_of(n))
        for name, n in zip(("train", "val", "test"), sizes, strict=True)
    }


def test_classes():
    made = splits(lambda n: (np.arange(n) > 0).astype(np.int64))
    data = signal_data(made, **FACTS)
    assert data.channels == 3
    assert data.vocab_size is None
    assert data.max_length == 5
    assert data.baselines == {"majority": 0.75}
    assert data.train.inputs.equal(torch.from_numpy(made["train"][0]))
    assert data.test.targets.dtype == torch.int64
    assert data.val.lengths is None


def test_values_have_no_majority():
    data = signal_data(splits(lambda n: np.ones((n, 2), np.float32)), **FACTS)
    assert data.baselines == {}
    assert data.test.targets.shape == (4, 2)


def test_an_empty_validation_split_is_none():
    data = signal_data(splits(lambda n: np.zeros(n, np.int64), (6, 0, 4)), **FACTS)
    assert data.val is None


def test_the_hash_is_over_all_arrays():
    made = splits(lambda n: np.zeros(n, np.int64))
    arrays = {
        f"{split}_{kind}": array
        for split, pair in made.items()
        for kind, array in zip(("inputs", "targets"), pair, strict=True)
    }
    assert signal_data(made, **FACTS).content_sha256 == content_sha256(arrays)
    made["val"][1][0] = 1
    assert signal_data(made, **FACTS).content_sha256 != content_sha256(
        arrays | {"val_targets": np.zeros(2, np.int64)}
    )


def test_inputs_and_targets_belong_together():
    made = splits(lambda n: np.zeros(n, np.int64))
    made["test"] = (made["test"][0], made["test"][1][:-1])
    with pytest.raises(ValueError, match="4"):
        signal_data(made, **FACTS)
