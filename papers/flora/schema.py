"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.schema import TaskConfig


@dataclass
class FormulaTask(TaskConfig):
    """F1, F2, F3, F6, F7 and F11.

    Attributes:
        shapes: random weights whose change is compared with its definition.
        convolutions: random configurations whose side path is compared with one convolution.
    """

    shapes: int = 20
    convolutions: int = 60


@dataclass
class PlantedTask(TaskConfig):
    """F4, F5 and F14 on planted tensors.

    Attributes:
        channels: in and out; kernels are 3 x 3.
        draws: of each case.
    """

    channels: int = 32
    draws: int = 10


@dataclass
class ShiftedTask(TaskConfig):
    """F8, F9, F13 and F15.

    Attributes:
        dataset: the images.
        weights: the network.
        shift: "none", "inverted", "rot90" or "blur".
        method: a key of `papers.flora.methods.METHODS`.
        rank: of the channels' modes, or of LoRA.
        in_rank: of the mode of the inputs, under FLoRA; 0 takes `rank`.
        spatial_rank: of the kernel's modes.
        scale: of FLoRA's change.
        lr: of Adam, at the top.
        steps: of the optimiser.
        warmup: steps over which the rate rises.
        batch_size: images of a step.
        held_out: training images apart, the last ones, on which rates are chosen.
        directions: singular vectors of the amplification.
    """

    dataset: Any = None
    weights: Any = None
    shift: str = "rot90"
    method: str = "flora"
    rank: int = 7
    in_rank: int = 0
    spatial_rank: int = 2
    scale: float = 4.0
    lr: float = 1.0e-2
    steps: int = 100
    warmup: int = 10
    batch_size: int = 64
    held_out: int = 1000
    directions: int = 4


@dataclass
class ConvolutionCostTask(TaskConfig):
    """F12.

    Attributes:
        channels: in and out; kernels are 3 x 3.
        side: of the images.
        batch_size: images.
        rank: of FLoRA's channels' modes.
        spatial_rank: of its kernel's modes.
        lora_rank: of LoRA and DoRA.
        rounds: of which the median is taken.
    """

    channels: int = 128
    side: int = 28
    batch_size: int = 4
    rank: int = 16
    spatial_rank: int = 2
    lora_rank: int = 4
    rounds: int = 30


def register() -> None:
    """Store the schemas; called once before Hydra composes."""
    store = ConfigStore.instance()
    for name, node in {
        "tensor_formula": FormulaTask,
        "planted_updates": PlantedTask,
        "shifted_images": ShiftedTask,
        "real_updates": ShiftedTask,
        "convolution_cost": ConvolutionCostTask,
    }.items():
        store.store(group="schema/flora", name=name, node=node)
