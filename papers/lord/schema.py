"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig


@dataclass
class OptimalityTask(TaskConfig):
    """L1 on a random layer.

    Attributes:
        inputs: of the layer.
        outputs: of the layer.
        rows: of the calibration set.
        offset: size of the outputs' mean, for a second layer; their variance is about 1.
        competitors: affine maps of the same rank that are tried against each basis.
        fractions: ranks, of the largest.
    """

    inputs: int = 96
    outputs: int = 160
    rows: int = 4096
    offset: float = 1000.0
    competitors: int = 50
    fractions: list[float] = field(default_factory=lambda: [0.25, 0.5, 0.75])


@dataclass
class EncoderTask(TaskConfig):
    """L1 and L2 on a sentence encoder that others trained.

    Attributes:
        weights: the encoder.
        length: tokens of a window, its opening and closing one included.
        calibration_windows: of training files.
        judged_windows: of validation files.
        exact_windows: of training files, for the identity in float64.
        competitors: see ``OptimalityTask``.
        fractions: see ``OptimalityTask``.
    """

    weights: Any = None
    length: int = 128
    calibration_windows: int = 64
    judged_windows: int = 16
    exact_windows: int = 16
    competitors: int = 50
    fractions: list[float] = field(default_factory=lambda: [0.25, 0.5, 0.75])


@dataclass
class LanguageTask(TaskConfig):
    """What all tasks on the language model share.

    Attributes:
        weights: the model.
        calibration_tokens: of training files, packed.
        judged_tokens: of validation files.
        context: tokens of a window; 0 takes the model's positions.
        grid: ranks are multiples of it: 128 at width 6144, width / 48.
    """

    weights: Any = None
    calibration_tokens: int = 32_768
    judged_tokens: int = 25_600
    context: int = 0
    grid: int = 4


@dataclass
class LayersTask(LanguageTask):
    """L1 and L2 on the language model.

    Attributes:
        exact_tokens: of training files, for the identity in float64; 0 leaves it out.
        output_tokens: of validation files, on which outputs are compared.
        competitors: see ``OptimalityTask``.
        fractions: see ``OptimalityTask``.
    """

    calibration_tokens: int = 16_384
    exact_tokens: int = 2048
    output_tokens: int = 4096
    competitors: int = 50
    fractions: list[float] = field(default_factory=lambda: [0.25, 0.5, 0.75])


@dataclass
class SensitivityTask(LanguageTask):
    """L3: the smallest rank of each layer that the perplexity allows.

    Attributes:
        method: ``afm``, ``afm_uncentred`` or ``svd``.
        unit: ``layer``: one layer at a time; ``kind``: all layers of one type at a time.
        search_tokens: of validation files, for the bisection; ``judged_tokens`` confirm it.
        bounds: on the increase of the perplexity, per cent; the first is confirmed.
    """

    method: str = "afm"
    unit: str = "layer"
    search_tokens: int = 8192
    bounds: list[float] = field(default_factory=lambda: [1.0, 5.0, 10.0])


@dataclass
class CutsTask(LanguageTask):
    """L4: parameters of StarCoder in closed form, and the same cuts of the language model.

    Attributes:
        problems: HumanEval, a second held-out text.
        cuts: per cent of the parameters of the whole model: 15.5 B to 13.2 B and to 12.3 B.
    """

    problems: Any = None
    cuts: dict[str, float] = field(default_factory=lambda: {"no_drop": 14.8, "minimal_drop": 20.6})


@dataclass
class PassTask(LanguageTask):
    """L4 as published: HumanEval's Pass@k.

    Attributes:
        cut: per cent of the parameters that the factors save; 0 leaves the model whole.
        execute: run what the model has written; without, the task refuses.
        problems: the first ones; 0 takes all 164.
        samples: continuations of each.
        batch_size: of them at a time.
        temperature: of the draws.
        new_tokens: of a continuation, at most.
        seconds: that its tests may take.
    """

    cut: float = 0.0
    execute: bool = False
    problems: int = 0
    samples: int = 20
    batch_size: int = 20
    temperature: float = 0.2
    new_tokens: int = 128
    seconds: float = 5.0


@dataclass
class OneShotTask(LanguageTask):
    """L5: the seconds of each part of the pipeline.

    Attributes:
        fraction: of the largest rank, of every layer.
    """

    calibration_tokens: int = 65_536
    fraction: float = 0.5


@dataclass
class SpeedTask(TaskConfig):
    """L6: an MLP of two linear layers and a GELU against the same in factors.

    Attributes:
        weights: a language model, whose blocks are timed as well.
        width: of the MLP's input and output.
        hidden: between its layers.
        fraction: of the largest rank.
        tokens: of one batch.
        rounds: of which the median is taken.
    """

    weights: Any = None
    width: int = 512
    hidden: int = 2048
    fraction: float = 0.5
    tokens: int = 256
    rounds: int = 101


@dataclass
class QuantisedTask(LanguageTask):
    """L7: rounding on top of the factors, and on the full model.

    Attributes:
        cut: per cent of the parameters that the factors save.
        group: neighbours that share a scale, at 4 bits.
        outliers: part of the entries kept in float16, at 4 bits.
        grid: a multiple of ``group``: rows of the second factor are as long as the rank.
    """

    cut: float = 14.8
    group: int = 16
    outliers: float = 0.01
    grid: int = 16


@dataclass
class AdaptersTask(LanguageTask):
    """L8: LoRA on a base in NF4, the base whole or in factors.

    Attributes:
        shifted: what is trained on.
        cut: per cent of the parameters that the factors save; 0 leaves the base whole.
        quantised: hold the base in NF4.
        rank: of the adapters.
        alpha: their outputs are scaled by alpha / rank.
        lr: of AdamW.
        steps: of the optimiser.
        batch_size: windows of a step.
    """

    shifted: Any = None
    cut: float = 20.6
    quantised: bool = True
    rank: int = 8
    alpha: float = 16.0
    lr: float = 1.0e-3
    steps: int = 200
    batch_size: int = 3


@dataclass
class TrainabilityTask(LanguageTask):
    """L9: steps on the factors.

    Attributes:
        fraction: of the largest rank, of every layer.
        lr: of SGD with momentum.
        momentum: see ``lr``.
        steps: of the optimiser.
        batch_size: windows of a step.
    """

    fraction: float = 0.5
    lr: float = 0.1
    momentum: float = 0.9
    steps: int = 100
    batch_size: int = 8


@dataclass
class MonolingualTask(LanguageTask):
    """L10: the rank of the features of one language, and of two.

    Attributes:
        other: the second language.
        left_out: part of the features' energy that the rank may leave out.
    """

    other: Any = None
    left_out: float = 0.01


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "optimality": OptimalityTask,
        "encoder": EncoderTask,
        "layers": LayersTask,
        "sensitivity": SensitivityTask,
        "cuts": CutsTask,
        "pass_at_k": PassTask,
        "one_shot": OneShotTask,
        "speed": SpeedTask,
        "quantised": QuantisedTask,
        "adapters": AdaptersTask,
        "trainability": TrainabilityTask,
        "monolingual": MonolingualTask,
    }.items():
        store.store(group="schema/lord", name=name, node=node)
