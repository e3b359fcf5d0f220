"""Where every paper on compression starts from: the same trained networks, the same images."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf
from torch import Tensor, nn

from common.data.catalogue import load
from common.data.labelled_images import ImageData
from common.experiment.context import RunContext, data_entry
from common.experiment.machine import device
from common.nn.cifar_resnet import CifarResNet


@dataclass(frozen=True)
class Start:
    """A trained network and the images it is judged on.

    Attributes:
        model: in evaluation mode, on the run's device; :meth:`copy` before training it.
        data: the images.
        entries: of the record, one a set.
        image: one image, (1, C, H, W), to count multiply-adds with.
    """

    model: nn.Module
    data: ImageData
    entries: list[dict[str, Any]]

    def copy(self) -> nn.Module:
        """The same weights, to be changed."""
        return copy.deepcopy(self.model)

    @property
    def image(self) -> Tensor:
        pixels = self.data.test.inputs[:1].to(next(self.model.parameters()).device)
        return self.data.test.pixel_scale(pixels)


def trained_resnet(context: RunContext) -> Start:
    """The network of ``task.weights`` and the images of ``task.dataset``."""
    task = context.config.task
    data = load(OmegaConf.to_object(task.dataset), context.data)
    weights = load(OmegaConf.to_object(task.weights), context.data)
    model = CifarResNet(task.weights.depth)
    missing, unexpected = model.load_state_dict(weights.state, strict=False)
    # Counters of batches are not stored; all else has to fit.
    if unexpected or any(not name.endswith("num_batches_tracked") for name in missing):
        raise RuntimeError(f"weights do not fit: missing {missing}, unexpected {unexpected}")
    return Start(
        model.eval().to(device(context.config.trainer)),
        data,
        [data_entry(data), data_entry(weights)],
    )
