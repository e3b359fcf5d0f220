"""ResNet-20, -32 and -56 that others trained on CIFAR-10: the networks that papers compress.

From akamaster/pytorch_resnet_cifar10 (BSD-2-Clause), option-A shortcuts, for images normalised by
ImageNet's mean and deviation. On the complete test set they are right in 91.73, 92.63 and 93.39 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from common.data.context import DataContext
from common.data.prepared import Arrays, content_sha256, key, prepare, prepared_path
from common.data.specs.trained_resnet import TrainedResNetSpec
from common.errors import CorruptDataError, MissingDataError

_REPOSITORY = "https://github.com/akamaster/pytorch_resnet_cifar10"
_FOLDER = "resnet_cifar10"


@dataclass(frozen=True)
class _Net:
    official: str  # in pretrained_models/ of the repository
    content_sha256: str  # over its tensors (`prepared.content_sha256`)
    accuracy: float  # per cent, complete test set


_NETS = {
    20: _Net(
        "resnet20-12fca82f.th",
        "e644540c4c7fe0df11cd7ae8c0f4e4cc13eb1746511f55da6a41d7ca9c9ca83f",
        91.73,
    ),
    32: _Net(
        "resnet32-d509ac18.th",
        "55e2598608992edcc6c94a0fa557df386f86ce152dc3972bdf297b8663e94f23",
        92.63,
    ),
    56: _Net(
        "resnet56-4bfd9763.th",
        "2e7697a41011d377d0792197c3e438fd79b7de802d42cbc685bf55a2c106171a",
        93.39,
    ),
}


@dataclass(frozen=True)
class Weights:
    """A state dict and where it comes from.

    Attributes:
        state: for ``common.nn.cifar_resnet.CifarResNet`` of that depth.
        name: of the network.
        source: in a line.
        content_sha256: of the prepared file.
        key: of the prepared file.
        is_paper_data: whether the papers use it too; they trained their own.
    """

    state: dict[str, Tensor]
    name: str
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = False


def load(spec: TrainedResNetSpec, context: DataContext) -> Weights:
    """The trained weights, float32.

    Raises:
        MissingDataError: neither file lies in the local source.
        CorruptDataError: a file is damaged or holds other weights.
    """

    def build() -> tuple[Arrays, dict[str, Any]]:
        return _read(spec.depth, context), {}

    prepared = prepare(context, _FOLDER, f"resnet{spec.depth}", build)
    return Weights(
        {name: torch.from_numpy(array) for name, array in prepared.arrays.items()},
        name=f"ResNet-{spec.depth}",
        source=f"ResNet-{spec.depth} for CIFAR-10 (akamaster/pytorch_resnet_cifar10)",
        content_sha256=prepared.content_sha256,
        key=prepared_key(spec),
    )


def available(spec: TrainedResNetSpec, context: DataContext) -> str | None:
    """None, or what has to be put where."""
    if prepared_path(context, _FOLDER, f"resnet{spec.depth}").exists():
        return None
    found = any(context.local(_FOLDER, name) for name in _names(spec.depth))
    return None if found else str(_missing(spec.depth, context))


def prepared_key(spec: TrainedResNetSpec) -> str:
    """One file a depth."""
    return key(_FOLDER, f"resnet{spec.depth}")


def _names(depth: int) -> list[str]:
    return [f"resnet{depth}.safetensors", _NETS[depth].official]


def _read(depth: int, context: DataContext) -> Arrays:
    paths = [context.local(_FOLDER, name) for name in _names(depth)]
    path = next(filter(None, paths), None)
    if path is None:
        raise _missing(depth, context)
    try:
        arrays = _safetensors(path) if path.suffix == ".safetensors" else _official(path)
    except Exception as error:  # each reader has its own
        raise CorruptDataError(f"{path} cannot be read ({error}). Get it anew.") from error
    found, wanted = content_sha256(arrays), _NETS[depth].content_sha256
    if found != wanted:
        raise CorruptDataError(
            f"{path} does not hold the published ResNet-{depth}: the SHA-256 of its tensors is "
            f"{found}, expected {wanted}. Get it anew."
        )
    return arrays


def _safetensors(path: Path) -> Arrays:
    from safetensors.numpy import load_file

    return _floats(load_file(path))


def _official(path: Path) -> Arrays:
    """A checkpoint of the authors: a state dict of a network inside ``DataParallel``."""
    state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    return _floats({name.removeprefix("module."): t.numpy() for name, t in state.items()})


def _floats(arrays: Arrays) -> Arrays:
    """Without the batch norms' counters, which older versions of torch did not keep."""
    floats = {name: a for name, a in arrays.items() if not name.endswith("num_batches_tracked")}
    return {name: np.ascontiguousarray(a, dtype=np.float32) for name, a in floats.items()}


def _missing(depth: int, context: DataContext) -> MissingDataError:
    file = _NETS[depth].official
    folder = context.local_source or "the folder that data.local_source names"
    return MissingDataError(
        f"The trained ResNet-{depth}",
        f"Get {_REPOSITORY}/raw/master/pretrained_models/{file} and put it at "
        f"{folder}/{_FOLDER}/{file}.",
    )
