"""Ten classes of sweeping tones in noise: a generated stand-in at the length of raw speech.

Where one would take Speech Commands (35 words, 16,000 samples), which has to be had from its
authors. A class is a pair of start and end frequency; level, onset, duration, phase and detuning
vary within it, so neither a spectrum nor a single window gives it away.
"""

from __future__ import annotations

import numpy as np

from common.data.blocks import block_rng
from common.data.context import DataContext
from common.data.draws import normal, shuffled, uniform
from common.data.portable import sin_turns
from common.data.prepared import key, spec_hash
from common.data.sequence import SequenceData
from common.data.signals import signal_data
from common.data.specs.chirps import ChirpsSpec

# Start and end frequency as fractions of the highest, kept below half of the Nyquist frequency so
# that every second sample still holds the signal.
CLASSES = ((1, 4), (4, 1), (1, 6), (6, 1), (2, 5), (5, 2), (3, 6), (6, 3), (2, 3), (3, 2))
_HIGHEST = 0.4  # of the Nyquist frequency
_VERSION = 2  # of the bytes: raise it when the generator changes
_BATCH = 500


def load(spec: ChirpsSpec, context: DataContext) -> SequenceData:
    """Signals (N, length, 1), float32; balanced classes."""
    splits = {}
    for number, (split, count) in enumerate(
        (("train", spec.train), ("val", spec.val), ("test", spec.test))
    ):
        splits[split] = _signals(spec, block_rng(spec.seed, number), count)
    return signal_data(
        splits,
        name="chirps",
        n_classes=len(CLASSES),
        is_paper_data=False,
        key=key("chirps", spec_hash(spec, _VERSION)),
        source="generated from a seed",
        notes=["Generated chirps, a stand-in: not comparable with any Speech Commands figure."],
    )


def _signals(spec: ChirpsSpec, rng: np.random.Generator, count: int):
    targets = np.arange(count) % len(CLASSES)
    targets = targets[shuffled(rng, count)].astype(np.int64)
    parts = [
        _chirps(spec, rng, targets[start : start + _BATCH]) for start in range(0, count, _BATCH)
    ]
    inputs = np.concatenate(parts) if parts else np.zeros((0, spec.length, 1), np.float32)
    return inputs, targets


def _chirps(spec: ChirpsSpec, rng: np.random.Generator, targets: np.ndarray) -> np.ndarray:
    n, length = len(targets), spec.length
    draw = uniform(rng, n, 5)
    ends = np.array(CLASSES, float)[targets] / 6 * _HIGHEST / 2  # cycles a sample
    ends *= 0.9 + 0.2 * draw[:, :1]  # detuned by up to 10 %
    onset = draw[:, 1] * 0.3 * length
    duration = (0.4 + 0.3 * draw[:, 2]) * length
    level = 0.5 + draw[:, 3]
    t = (np.arange(length) - onset[:, None]) / duration[:, None]
    inside = (t >= 0) & (t <= 1)
    cycles = duration[:, None] * (ends[:, :1] * t + (ends[:, 1:] - ends[:, :1]) * t * t / 2)
    envelope = np.square(sin_turns(t.clip(0, 1) / 2)) * inside
    tone = sin_turns(cycles + draw[:, 4:]) * envelope
    noise = spec.noise * normal(rng, n, length)
    return (level[:, None] * tone + noise).astype(np.float32)[..., None]
