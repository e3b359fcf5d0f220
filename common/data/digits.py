"""scikit-learn's digits (UCI optical recognition, test part: 1,797 images of 8 x 8) as sequences.

No published long-range task: a set that loads at once and is learnt in seconds.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

from common.data.blocks import block_rng
from common.data.context import DataContext
from common.data.draws import shuffled
from common.data.prepared import key, spec_hash
from common.data.sequence import SequenceData
from common.data.signals import signal_data
from common.data.specs.digits import DigitsSpec
from common.errors import MissingDataError

_VERSION = 1  # of the bytes: raise it when the splits change
_MISSING = "The digits come with scikit-learn, which"
_REMEDY = "Install it with `pip install 'structlab[sklearn]'`."


def load(spec: DigitsSpec, context: DataContext) -> SequenceData:
    """Pixels row by row in -1..1, float32 (N, (8 * upsample)^2, 1).

    Raises:
        MissingDataError: without scikit-learn (extra `sklearn`).
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise MissingDataError(_MISSING, _REMEDY) from error

    digits = datasets.load_digits()
    order = shuffled(block_rng(spec.split_seed, 0), 1_797)
    images = digits.images.repeat(spec.upsample, axis=1).repeat(spec.upsample, axis=2)
    pixels = (images.astype(np.float32) / np.float32(8) - np.float32(1)).reshape(1_797, -1, 1)
    targets = digits.target.astype(np.int64)
    ends = np.cumsum([0, spec.train, spec.val, spec.test])
    splits = {}
    for number, split in enumerate(("train", "val", "test")):
        rows = order[ends[number] : ends[number + 1]]
        splits[split] = (pixels[rows], targets[rows])
    return signal_data(
        splits,
        name="digits",
        n_classes=10,
        is_paper_data=False,
        key=key("digits", spec_hash(spec, _VERSION)),
        source="scikit-learn digits (UCI optical recognition)",
        notes=["A test-bench, not a task of any paper here."],
    )


def available(spec: DigitsSpec, context: DataContext) -> str | None:
    """None, or what is missing."""
    return None if find_spec("sklearn") else str(MissingDataError(_MISSING, _REMEDY))
