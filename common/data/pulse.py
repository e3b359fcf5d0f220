"""Pulse waves with a heart rate, a breathing rate and an oxygen saturation: a generated stand-in.

Where one would take BIDMC (32 s of a pulse oximeter at 125 Hz, 4,000 samples), which has to be had
from PhysioNet. Two channels, red and infrared: a systolic wave and a dicrotic one each beat, beats
that drift, breathing that modulates rate, level and baseline, and the ratio of both channels'
pulsations, which is what an oximeter reads the saturation from (SpO2 = 110 - 25 R).
"""

from __future__ import annotations

from math import sqrt

import numpy as np

from common.data.blocks import block_rng
from common.data.context import DataContext
from common.data.draws import normal, uniform
from common.data.portable import exp, sin_turns
from common.data.prepared import key, spec_hash
from common.data.sequence import SequenceData
from common.data.signals import signal_data
from common.data.specs.pulse import PulseSpec

TARGETS = {"heart_rate": (45.0, 150.0), "breathing_rate": (8.0, 30.0), "saturation": (85.0, 100.0)}
_VERSION = 2  # of the bytes: raise it when the generator changes
_BATCH = 500


def load(spec: PulseSpec, context: DataContext) -> SequenceData:
    """Signals (N, length, 2), float32; targets (N, 1): the chosen quantity, as (x - mean)/std of
    its uniform distribution. ``to_units`` undoes that."""
    splits = {
        split: _signals(spec, block_rng(spec.seed, number), count)
        for number, (split, count) in enumerate(
            (("train", spec.train), ("val", spec.val), ("test", spec.test))
        )
    }
    return signal_data(
        splits,
        name="pulse",
        n_classes=1,
        is_paper_data=False,
        key=key("pulse", spec_hash(spec, _VERSION)),
        source="generated from a seed",
        notes=["Generated pulse waves, a stand-in: not comparable with any BIDMC figure."],
    )


def to_units(target: str) -> float:
    """Units (beats or breaths a minute, per cent) of one standard deviation of the target."""
    low, high = TARGETS[target]
    return (high - low) / sqrt(12)


def _signals(spec: PulseSpec, rng: np.random.Generator, count: int):
    parts = [_waves(spec, rng, min(_BATCH, count - start)) for start in range(0, count, _BATCH)]
    if not parts:
        return np.zeros((0, spec.length, 2), np.float32), np.zeros((0, 1), np.float32)
    inputs, targets = (np.concatenate(column) for column in zip(*parts, strict=True))
    return inputs, targets


def _waves(spec: PulseSpec, rng: np.random.Generator, n: int):
    unit = uniform(rng, n, 3)
    values = {
        name: low + (high - low) * unit[:, [i]]
        for i, (name, (low, high)) in enumerate(TARGETS.items())
    }
    t = np.arange(spec.length) / spec.sampling_rate
    draw = uniform(rng, n, 5, 1)
    breath = sin_turns(values["breathing_rate"] / 60 * t + draw[:, 0])
    # Breathing speeds the heart up and down (respiratory sinus arrhythmia), a slow drift besides.
    rate = values["heart_rate"] / 60 * (1 + 0.04 * breath)
    drift = 0.02 * sin_turns(0.05 * t + draw[:, 1])
    phase = np.cumsum(rate * (1 + drift), axis=1) / spec.sampling_rate + draw[:, 2]
    beat = phase % 1
    wave = exp(-np.square(beat - 0.25) / 0.01) + 0.35 * exp(-np.square(beat - 0.6) / 0.02)
    pulsation = (0.8 + 0.4 * draw[:, 3]) * (1 + 0.15 * breath) * wave
    baseline = 0.3 * breath + 0.2 * sin_turns(0.03 * t + draw[:, 4])
    ratio = (110 - values["saturation"]) / 25
    channels = np.stack([ratio * pulsation + baseline, pulsation + baseline], axis=-1)
    channels += spec.noise * normal(rng, *channels.shape)
    index = list(TARGETS).index(spec.target)
    targets = (unit[:, [index]] - 0.5) * sqrt(12)
    return channels.astype(np.float32), targets.astype(np.float32)
