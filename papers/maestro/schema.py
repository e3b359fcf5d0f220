"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig


@dataclass
class LinearTask(TaskConfig):
    """M1, M3: one linear map.

    Attributes:
        steps: of gradient descent.
        lr: rate.
    """

    steps: int = 4000
    lr: float = 0.5


@dataclass
class AutoencoderTask(TaskConfig):
    """M2: digits, and three points in ten dimensions.

    Attributes:
        steps: on the digits.
        lr: rate on the digits.
        small_steps: on the points.
        drop_at: step at which one of them is taken away, in a training of its own.
    """

    steps: int = 10_000
    lr: float = 0.3
    small_steps: int = 2500
    drop_at: int = 1200


@dataclass
class CutTask(TaskConfig):
    """M4, M6: train, then cut every layer.

    Attributes:
        weights: the trained network that is started from, if any.
        samplings: of ordered decomposition; the first is the method.
        parts: of each rank that is left, the whole first.
        group_lasso: lambda.
        calibration: augmented images for batch norms.
    """

    weights: Any = None
    samplings: list[str] = field(default_factory=lambda: ["one_layer", "across_layers"])
    parts: list[float] = field(default_factory=lambda: [1.0, 0.75, 0.5, 0.25])
    group_lasso: float = 0.0
    calibration: int = 1000


@dataclass
class ScratchCutTask(CutTask):
    """The same, from scratch.

    Attributes:
        network: ``lenet``, ``vgg19`` or ``resnet18``.
    """

    network: str = "lenet"


@dataclass
class ShrinkingTask(TaskConfig):
    """M5: one training.

    Attributes:
        network: ``lenet``, ``vgg19``, ``resnet18``, or ``resnet50`` for ImageNet.
        group_norm: in place of batch norms.
        method: ``maestro``; or a control: ``spectral`` (factors without ordered dropout),
            ``pufferfish`` (a fixed part of every rank) or ``dense``.
        sampling: ``one_layer`` or ``across_layers``.
        group_lasso: lambda.
        hierarchical: the lasso's norms are of suffixes, else of columns.
        full_pass: two passes a step, the narrow one taught by the full one.
        least: importance below which a component is dropped after an epoch.
        warmup_epochs: the first of ``train.epochs``, of the dense network, before its factors.
        first_dense: layers from the input that stay dense (Pufferfish: 1 or more).
        last_dense: the last layer stays dense.
        rank_ratio: of Pufferfish.
        decay_vectors: weight decay is on one-dimensional parameters too (biases, norms).
        calibration: augmented images for batch norms.
    """

    network: str = "lenet"
    group_norm: bool = False
    method: str = "maestro"
    sampling: str = "one_layer"
    group_lasso: float = 0.0
    hierarchical: bool = True
    full_pass: bool = True
    least: float = 1.0e-5
    warmup_epochs: int = 0
    first_dense: int = 0
    last_dense: bool = False
    rank_ratio: float = 0.25
    decay_vectors: bool = True
    calibration: int = 1000


@dataclass
class TransformerTask(TaskConfig):
    """Sequences that are to be repeated, or said backwards.

    Attributes:
        layers: of the encoder, and of the decoder.
        width: of the model.
        heads: of attention.
        length: tokens of a sequence.
        steps: of Adam.
        batch_size: sequences of a step.
        test: sequences that it is judged on.
        lr: rate.
        group_lasso: lambda.
        parts: of each rank that is left.
    """

    layers: int = 1
    width: int = 64
    heads: int = 4
    length: int = 10
    steps: int = 600
    batch_size: int = 64
    test: int = 500
    lr: float = 1.0e-3
    group_lasso: float = 0.0
    parts: list[float] = field(default_factory=lambda: [1.0, 0.5, 0.25])


@dataclass
class ClosedFormTask(TaskConfig):
    """M7, M8: no settings."""


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "linear": LinearTask,
        "autoencoder": AutoencoderTask,
        "cut": CutTask,
        "scratch": ScratchCutTask,
        "shrinking": ShrinkingTask,
        "transformer": TransformerTask,
        "closed_form": ClosedFormTask,
    }.items():
        store.store(group="schema/maestro", name=name, node=node)
