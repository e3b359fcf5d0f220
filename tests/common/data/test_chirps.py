from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common.data.catalogue import available, load
from common.data.chirps import CLASSES
from common.data.context import DataContext
from common.data.specs import ChirpsSpec
from common.errors import UserError

SMALL = ChirpsSpec(length=2_000, train=100, val=20, test=60)
# SHA-256 of the content of ChirpsSpec(length=200, train=12, val=3, test=5)
PINNED = "a4d483f9e79d9659c0cae944302d95614e757f0fc92ce05f78fa7a3d1aa9e51e"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return load(SMALL, DataContext(tmp_path_factory.mktemp("data")))


def rows(split):
    return {row.tobytes() for row in split.inputs.numpy()}


def ends(signals, window=160):
    """Start and end frequency of the sweep (cycles a sample), read off a spectrogram.

    The envelope's power, sin^4, is above a quarter of its largest over the middle half of the
    sweep: frequencies are read at both ends of that and extrapolated to the whole.
    """
    starts = range(0, signals.shape[1] - window + 1, 8)
    taper = np.hanning(window)
    frames = np.stack([signals[:, s : s + window] * taper for s in starts], 1)
    power = np.abs(np.fft.rfft(frames, 1024)) ** 2
    level, peaks = power.max(-1), power.argmax(-1) / 1024
    loud = level > 0.25 * level.max(1, keepdims=True)
    first, last = loud.argmax(1), loud.shape[1] - 1 - loud[:, ::-1].argmax(1)
    index = np.arange(len(signals))
    quarter, three_quarters = peaks[index, first], peaks[index, last]
    outer = (three_quarters - quarter) / 2
    return np.maximum(quarter - outer, 1e-3), np.maximum(three_quarters + outer, 1e-3)


def test_shapes_and_what_is_said(data, context):
    assert data.train.inputs.shape == (100, 2_000, 1)
    assert data.n_classes == 10
    assert data.name == "chirps"
    assert not data.is_paper_data
    assert "stand-in" in data.notes[0]
    assert available(SMALL, context) is None


def test_the_same_bytes_on_any_machine(context):
    data = load(ChirpsSpec(length=200, train=12, val=3, test=5), context)
    assert data.content_sha256 == PINNED


def test_same_seed_same_bytes(data, context):
    again, other = load(SMALL, context), load(replace(SMALL, seed=1), context)
    assert again.content_sha256 == data.content_sha256
    assert again.test.inputs.equal(data.test.inputs)
    assert other.content_sha256 != data.content_sha256


def test_classes_are_balanced_and_shuffled(data):
    for split in (data.train, data.val, data.test):
        counts = np.bincount(split.targets, minlength=10)
        assert counts.tolist() == [len(split) // 10] * 10
    assert data.train.targets[:10].tolist() != list(range(10))
    assert data.baselines == {"majority": 0.1}


def test_splits_are_disjoint(data):
    train, val, test = (rows(s) for s in (data.train, data.val, data.test))
    assert len(train | val | test) == 180


def test_no_validation_split(context):
    assert load(replace(SMALL, val=0, train=5, test=5), context).val is None


@pytest.mark.parametrize(("noise", "right"), [(0.1, 0.8), (0.5, 0.6)])
def test_a_class_is_where_the_sweep_starts_and_ends(context, noise, right):
    """The nearest pair of frequencies is the class; chance is 0.1."""
    data = load(replace(SMALL, noise=noise, test=200), context)
    found = np.log(np.stack(ends(data.test.inputs[..., 0].numpy().astype(float)), 1))
    targets = data.test.targets.numpy()
    rises = np.array([end > start for start, end in CLASSES])
    assert ((found[:, 1] > found[:, 0]) == rises[targets]).mean() > 0.95
    pairs = np.log(np.array(CLASSES) / 6 * 0.2)
    guess = np.abs(found[:, None] - pairs).sum(-1).argmin(1)
    assert (guess == targets).mean() > right


def test_the_signal_is_below_half_of_the_nyquist_frequency(context):
    """Every second sample still holds it: little is above a quarter of the sampling rate."""
    data = load(replace(SMALL, noise=0.0), context)
    power = np.abs(np.fft.rfft(data.test.inputs[..., 0].numpy(), axis=1)) ** 2
    above = power[:, 500:].sum(1) / power.sum(1)
    assert above.max() < 1e-3


def test_noise_has_its_deviation(context):
    loud, silent = (load(replace(SMALL, noise=noise), context) for noise in (0.5, 0.0))
    difference = (loud.test.inputs - silent.test.inputs)[..., 0]
    assert float(difference.std()) == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ChirpsSpec(length=8), "length is 8; allowed: 16 or more"),
        (ChirpsSpec(train=0), "train is 0; allowed: 1 or more"),
        (ChirpsSpec(noise=-0.1), "noise is -0.1; allowed: 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(spec, message):
    with pytest.raises(UserError) as caught:
        spec.validate()
    assert message in str(caught.value)
