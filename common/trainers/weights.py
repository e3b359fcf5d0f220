"""A model's weights as one plain dictionary, however they are spread over processes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of every parameter and buffer, whole and on the CPU, in every process.

    Of a sharded model all processes must call this together.
    """
    return {
        name: (value.full_tensor() if isinstance(value, DTensor) else value).detach().cpu().clone()
        for name, value in module.state_dict().items()
    }


def set_weights(module: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy whole weights back; of a sharded model every process keeps its own part.

    Raises:
        KeyError: ``weights`` lacks one of the module's.
    """
    with torch.no_grad():
        for name, value in module.state_dict().items():
            whole = weights[name]
            if isinstance(value, DTensor):
                # Every process has the whole: nothing is sent.
                whole = distribute_tensor(
                    whole.to(value.device), value.device_mesh, value.placements, src_data_rank=None
                )
            value.copy_(whole)
