"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig


@dataclass
class QuantiseTask(TaskConfig):
    """V4 to V7: a trained network is quantised and trained on.

    Attributes:
        weights: the trained network, a ``TrainedResNetSpec``.
        method: ``lr2vq``, ``plain`` (k-means of the subvectors), ``low_rank`` (no codes),
            ``scalar`` (k-means of single weights), ``bgd`` (k-means by activations) or
            ``pretrain_lowrank`` (train the low-rank subvectors first, then cluster).
        network: ``cifar`` (the trained one), or ``resnet18`` and ``resnet50`` for ImageNet.
        regime: ``none``: m and k as below, of the inner convolutions; ``large`` or ``small``: those
            of the literature for each kind of layer, of all but the first convolution, and d in the
            same proportion to m.
        size: m.
        dim: d; of no meaning for ``plain``, ``scalar`` and ``bgd``.
        words: k, or a quarter of a layer's subvectors if that is less.
        order: ``along_out`` or ``along_in``.
        frozen: codebooks and maps do not train, all the rest does.
        distil: the dense network teaches in place of the labels.
        reassign_every: steps between reassignments of the codes; 0 never, and not for
            ``low_rank`` and ``pretrain_lowrank``, which train without codes.
        weighted: ``bgd`` by activations; false: its course with plain distances, whose gap is the
            value of the data. Its subvectors are always along the inputs.
        calibration: images for ``bgd``.
        tune_steps: of each codebook by distillation, for ``bgd``.
        literature: the schedule of the literature in place of the one of ``optimizer``: a cosine,
            and for each codebook a rate divided by the root of the mean number of its members.
    """

    weights: Any = None
    method: str = "lr2vq"
    network: str = "cifar"
    regime: str = "none"
    size: int = 8
    dim: int = 6
    words: int = 64
    order: str = "along_out"
    frozen: bool = False
    distil: bool = False
    reassign_every: int = 0
    weighted: bool = True
    calibration: int = 512
    tune_steps: int = 5
    literature: bool = False


@dataclass
class IdentityTask(TaskConfig):
    """V1: errors of real layers.

    Attributes:
        weights: the trained network.
        encoder: the trained encoder, a ``MiniLMSpec``.
        size: m.
        words: k.
        dims: d.
        seeds: k-means of each, of which the best counts.
    """

    weights: Any = None
    encoder: Any = None
    size: int = 8
    words: int = 64
    dims: list[int] = field(default_factory=lambda: list(range(1, 9)))
    seeds: int = 3


@dataclass
class ClosedFormTask(TaskConfig):
    """V2, V3, V8: no settings."""


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "quantise": QuantiseTask,
        "identity": IdentityTask,
        "closed_form": ClosedFormTask,
    }.items():
        store.store(group="schema/lr2vq", name=name, node=node)
