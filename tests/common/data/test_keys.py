"""The key of a set is the path of its prepared file below the data root."""

from __future__ import annotations

import pytest

from common.data import specs
from common.data.catalogue import load
from common.data.prepared import read_npz
from common.data.specs import (
    ChirpsSpec,
    CtrStreamSpec,
    DigitsSpec,
    ListOpsSpec,
    PathfinderSpec,
    PulseSpec,
    RetrievalSpec,
)
from common.experiment.context import data_entry

ON_DISK = [
    ListOpsSpec(min_length=5, max_length=50, l_max=50, train=20, val=5, test=5),
    RetrievalSpec(train=8, val=4, test=4),
    PathfinderSpec(contour_length=3, distractor_snakes=0, train=8, val=4, test=4),
    CtrStreamSpec(train=8, val=4, test=40, sparse_fields=3, largest=20),
]
IN_MEMORY = [
    ChirpsSpec(length=16, train=3, test=2),
    PulseSpec(length=16, train=3, test=2),
    DigitsSpec(),
]


@pytest.mark.parametrize("spec", ON_DISK, ids=lambda spec: type(spec).__name__)
def test_names_the_file_and_its_content(context, spec):
    data = load(spec, context)
    assert read_npz(context.root / f"{data.key}.npz").content_sha256 == data.content_sha256


@pytest.mark.parametrize("spec", IN_MEMORY, ids=lambda spec: type(spec).__name__)
def test_has_the_same_form_without_a_file(context, spec):
    if isinstance(spec, specs.DigitsSpec):
        pytest.importorskip("sklearn")
    data = load(spec, context)
    folder, name = data.key.split("/")
    assert folder == data.name
    assert len(name) == 16
    assert not context.root.exists()


def test_every_field_of_the_spec_decides_it(context):
    keys = {
        load(ChirpsSpec(length=16, train=3, val=val, test=2, seed=seed), context).key
        for val in (0, 1)
        for seed in (0, 1)
    }
    assert len(keys) == 4


def test_a_record_says_it(context):
    data = load(IN_MEMORY[0], context)
    assert data_entry(data) == {
        "key": data.key,
        "name": "chirps",
        "source": "generated from a seed",
        "content_sha256": data.content_sha256,
        "is_paper_data": False,
    }
