"""MovieLens-100K as a matrix: counts, the split by hash, and what is told when it is not there."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from common.data import ratings
from common.data.catalogue import available, load
from common.data.specs import RatingsSpec
from common.errors import MissingDataError, UserError


def test_absence_is_told(context):
    assert "recbole" in available(RatingsSpec(), context)
    with pytest.raises(MissingDataError):
        load(RatingsSpec(), context)


def test_less_than_two_splits():
    with pytest.raises(UserError, match="test_of"):
        RatingsSpec(1).validate()


@pytest.mark.slow
@pytest.mark.data
def test_the_genuine_set(genuine_context):
    data = load(RatingsSpec(), genuine_context)
    assert (len(data.train.stars), len(data.test.stars)) == (79_971, 20_029)
    both = np.concatenate([data.train.stars, data.test.stars])
    assert np.bincount(both.astype(int)).tolist() == [0, 6110, 11370, 27145, 34174, 21201]
    for split in (data.train, data.test):
        assert split.users.min() == 0
        assert split.users.max() < ratings.SHAPE[0]
        assert split.items.max() < ratings.SHAPE[1]
    first = f"{data.test.users[0] + 1},{data.test.items[0] + 1}".encode()
    assert int(hashlib.sha256(first).hexdigest()[:8], 16) % 5 == 0
