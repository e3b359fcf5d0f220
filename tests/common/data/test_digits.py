from __future__ import annotations

import sys

import numpy as np
import pytest

from common.data.catalogue import available, load
from common.data.specs import DigitsSpec, PathfinderSpec
from common.errors import MissingDataError, UserError


def test_splits_hold_every_image_once(context):
    datasets = pytest.importorskip("sklearn.datasets")
    data = load(DigitsSpec(), context)
    assert [len(data.train), len(data.val), len(data.test)] == [1297, 200, 300]
    assert data.train.inputs.shape == (1297, 64, 1)
    rows = np.concatenate([split.inputs.numpy() for split in (data.train, data.val, data.test)])
    restored = sorted(((rows[..., 0] + 1) * 8).astype(int).tolist())
    assert restored == sorted(datasets.load_digits().data.astype(int).tolist())
    assert not data.is_paper_data


def test_upsampling_repeats_pixels(context):
    pytest.importorskip("sklearn")
    one = load(DigitsSpec(), context).test
    two = load(DigitsSpec(upsample=2), context).test
    assert two.inputs.shape == (300, 256, 1)
    assert two.targets.equal(one.targets)
    small, large = one.inputs.reshape(-1, 8, 8), two.inputs.reshape(-1, 16, 16)
    for dy in (0, 1):
        for dx in (0, 1):
            assert large[:, dy::2, dx::2].equal(small)


def test_without_scikit_learn(context, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingDataError, match=r"structlab\[sklearn\]"):
        load(DigitsSpec(), context)


def test_what_is_no_spec(context):
    class OtherSpec(PathfinderSpec.__base__):
        def validate(self):
            pass

    with pytest.raises(UserError, match="OtherSpec is not a data spec"):
        load(OtherSpec(), context)
    with pytest.raises(UserError):
        available(DigitsSpec(upsample=0), context)
