from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from common.data.catalogue import available, load
from common.data.pulse import TARGETS, to_units
from common.data.specs import PulseSpec
from common.errors import UserError

SMALL = PulseSpec(length=1_000, sampling_rate=31.25, train=40, val=10, test=60)
# SHA-256 of the content of PulseSpec(length=200, train=12, val=3, test=5)
PINNED = "2c2f70615f8b65d94aa3dbbf11ed82f5af2dd8a1a829964b1917fdf8de536f14"


def in_units(data, target):
    low, high = TARGETS[target]
    return (low + high) / 2 + to_units(target) * data.test.targets[:, 0].numpy()


def read(context, target, **options):
    data = load(replace(SMALL, target=target, **options), context)
    return data.test.inputs.numpy().astype(float), in_units(data, target)


def spectrum(channel):
    """Power of the mean-free, tapered signals at a resolution of 1/8 of a bin."""
    length = channel.shape[1]
    tapered = (channel - channel.mean(1, keepdims=True)) * np.hanning(length)
    frequencies = np.fft.rfftfreq(8 * length, 1 / SMALL.sampling_rate)
    return frequencies, np.abs(np.fft.rfft(tapered, 8 * length)) ** 2


def test_shapes_and_what_is_said(context):
    data = load(SMALL, context)
    assert data.train.inputs.shape == (40, 1_000, 2)
    assert data.train.targets.shape == (40, 1)
    assert data.n_classes == 1
    assert data.name == "pulse"
    assert not data.is_paper_data
    assert "stand-in" in data.notes[0]
    assert data.baselines == {}
    assert available(SMALL, context) is None


def test_the_same_bytes_on_any_machine(context):
    data = load(PulseSpec(length=200, train=12, val=3, test=5), context)
    assert data.content_sha256 == PINNED


def test_same_seed_same_bytes(context):
    first, again = load(SMALL, context), load(SMALL, context)
    assert first.content_sha256 == again.content_sha256
    assert load(replace(SMALL, seed=1), context).content_sha256 != first.content_sha256


def test_the_three_targets_are_of_the_same_signals(context):
    sets = [load(replace(SMALL, target=target), context) for target in TARGETS]
    assert sets[0].train.inputs.equal(sets[1].train.inputs)
    assert not sets[0].train.targets.equal(sets[1].train.targets)


def test_splits_are_disjoint(context):
    data = load(SMALL, context)
    rows = [
        row.tobytes() for split in (data.train, data.val, data.test) for row in split.inputs.numpy()
    ]
    assert len(set(rows)) == 110


@pytest.mark.parametrize("target", TARGETS)
def test_targets_are_standardised_and_within_their_range(context, target):
    data = load(replace(SMALL, target=target, length=16, train=2_000), context)
    assert abs(float(data.train.targets.mean())) < 0.1
    assert float(data.train.targets.std()) == pytest.approx(1, abs=0.05)
    low, high = TARGETS[target]
    values = in_units(data, target)
    assert low <= values.min() < values.max() <= high


def test_heart_rate_from_the_autocorrelation(context):
    """The lag of the largest correlation between the shortest and the longest beat."""
    inputs, beats = read(context, "heart_rate")
    channel = inputs[..., 1] - inputs[..., 1].mean(1, keepdims=True)
    kernel = np.ones(2 * 31) / (2 * 31)  # two seconds: takes breathing and baseline away
    channel = channel - np.stack([np.convolve(row, kernel, "same") for row in channel])
    power = np.abs(np.fft.rfft(channel, 2 * channel.shape[1])) ** 2
    correlation = np.fft.irfft(power)[:, :64]
    lags = np.arange(64)
    allowed = (lags >= 60 / 155 * 31.25) & (lags <= 60 / 44 * 31.25)
    lag = np.where(allowed, correlation, -np.inf).argmax(1)
    error = np.abs(60 * 31.25 / lag - beats)
    assert np.median(error) < 4
    assert np.median(error) < 0.2 * to_units("heart_rate")


def test_breathing_rate_from_the_slow_part_of_the_spectrum(context):
    inputs, breaths = read(context, "breathing_rate")
    frequencies, power = spectrum(inputs[..., 1])
    slow = (frequencies > 7 / 60) & (frequencies < 31 / 60)
    found = 60 * frequencies[slow][power[:, slow].argmax(1)]
    assert np.median(np.abs(found - breaths)) < 0.5


@pytest.mark.parametrize(("noise", "part"), [(0.0, 0.1), (0.2, 0.2)])
def test_saturation_from_the_ratio_of_the_pulsations(context, noise, part):
    """What breathing and baseline add is common to both channels and slow; above it the ratio of
    the deviations, noise taken off, is R."""
    inputs, saturation = read(context, "saturation", noise=noise)
    frequencies = np.fft.rfftfreq(inputs.shape[1], 1 / SMALL.sampling_rate)
    band = (frequencies > 0.75) & (frequencies < 6)
    power = (np.abs(np.fft.rfft(inputs, axis=1)) ** 2)[:, band].sum(1)
    power -= noise**2 * inputs.shape[1] * band.sum()
    ratio = np.sqrt(power[:, 0] / power[:, 1])
    error = np.abs(110 - 25 * ratio - saturation)
    assert np.median(error) < part * to_units("saturation")


def test_a_record_of_full_size(context):
    data = load(PulseSpec(train=2, val=0, test=2), context)
    assert data.train.inputs.shape == (2, 4_000, 2)
    assert data.val is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (PulseSpec(target="mood"), "'heart_rate' or 'breathing_rate' or 'saturation'"),
        (PulseSpec(length=8), "length is 8; allowed: 16 or more"),
        (PulseSpec(sampling_rate=0.5), "sampling_rate is 0.5; allowed: 1 or more"),
        (PulseSpec(val=-1), "val is -1; allowed: 0 or more"),
    ],
)
def test_what_cannot_be_is_refused(spec, message):
    with pytest.raises(UserError) as caught:
        spec.validate()
    assert message in str(caught.value)
