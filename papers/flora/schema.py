"""Typed configuration of this paper's tasks (standard library and Hydra only)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from common.experiment.ranges import ranged
from common.experiment.schema import TaskConfig


@dataclass
class FormulaTask(TaskConfig):
    """F1, F2, F3, F6, F7 and F11.

    Attributes:
        shapes: random weights whose change is compared with its definition.
        convolutions: random configurations whose side path is compared with one convolution.
    """

    shapes: int = ranged(20, at_least=1)
    convolutions: int = ranged(60, at_least=1)


@dataclass
class PlantedTask(TaskConfig):
    """F4, F5 and F14 on planted tensors.

    Attributes:
        channels: in and out; kernels are 3 x 3.
        draws: of each case.
    """

    channels: int = ranged(32, at_least=8)
    draws: int = ranged(10, at_least=1)


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
    rank: int = ranged(7, at_least=1)
    in_rank: int = ranged(0, at_least=0)
    spatial_rank: int = ranged(2, at_least=1)
    scale: float = ranged(4.0, above=0)
    lr: float = ranged(1.0e-2, above=0)
    steps: int = ranged(100, at_least=1)
    warmup: int = ranged(10, at_least=1)
    batch_size: int = ranged(64, at_least=1)
    held_out: int = ranged(1000, at_least=1)
    directions: int = ranged(4, at_least=1)


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

    channels: int = ranged(128, at_least=1)
    side: int = ranged(28, at_least=1)
    batch_size: int = ranged(4, at_least=1)
    rank: int = ranged(16, at_least=1)
    spatial_rank: int = ranged(2, at_least=1)
    lora_rank: int = ranged(4, at_least=1)
    rounds: int = ranged(30, at_least=1)


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
