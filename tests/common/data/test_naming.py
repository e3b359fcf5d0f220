"""The key told from a spec is the key of what is loaded."""

from __future__ import annotations

import pytest

from common.data import cifar10, mnist, specs
from common.data.catalogue import load
from common.data.naming import IN_MEMORY, key_of
from common.data.prepared import prepared_path
from common.data.specs import (
    ChirpsSpec,
    DigitsSpec,
    ImageSpec,
    ListOpsSpec,
    MnistSpec,
    PathfinderSpec,
    PulseSpec,
    RetrievalSpec,
    TextSpec,
)

MADE = [
    ListOpsSpec(min_length=5, max_length=50, l_max=50, train=20, val=5, test=5),
    RetrievalSpec(train=8, val=4, test=4),
    PathfinderSpec(contour_length=3, distractor_snakes=0, train=8, val=4, test=4),
    ChirpsSpec(length=16, train=3, test=2),
    PulseSpec(length=16, train=3, test=2),
    DigitsSpec(),
]


@pytest.mark.parametrize("spec", MADE, ids=lambda spec: type(spec).__name__)
def test_as_loaded(context, spec):
    if isinstance(spec, DigitsSpec):
        pytest.importorskip("sklearn")
    data = load(spec, context)
    assert key_of(spec) == data.key
    assert isinstance(spec, IN_MEMORY) != (context.root / f"{data.key}.npz").exists()


@pytest.mark.parametrize(
    ("spec", "loader"), [(ImageSpec(downsample=2), cifar10), (MnistSpec(), mnist)]
)
def test_one_decoded_file_serves_all_specs(context, spec, loader):
    assert context.root / f"{key_of(spec)}.npz" == prepared_path(
        context, loader._FOLDER, loader._NAME
    )


@pytest.mark.data
def test_texts_as_loaded(genuine_context):
    spec = TextSpec(l_max=64, train=20, val=10, test=10)
    assert key_of(spec) == load(spec, genuine_context).key


def test_official_files_have_a_say():
    assert key_of(ListOpsSpec(source="tsv")) is None
    assert key_of(RetrievalSpec(source="aan")) is None


def test_every_spec_has_a_key():
    for name in specs.__all__:
        if name != "DataSpec":
            assert "/" in key_of(getattr(specs, name)())
