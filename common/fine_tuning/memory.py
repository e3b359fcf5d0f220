"""What a training step holds besides the frozen weights, counted in bytes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.fine_tuning.prefix import Hidden

_ADAM_COPIES = 3  # of each trained number: its gradient and two moments


def step_bytes(model: nn.Module, data: Hidden, rows: Tensor) -> dict[str, int]:
    """``activation_bytes``: what is kept for backward, parameters and buffers apart; each storage
    once. ``state_bytes``: gradients and Adam's moments. ``step_bytes``: both."""
    held = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in held:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    hidden, mask, labels = data.batch(rows)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = F.cross_entropy(model(hidden, mask), labels)
    del loss
    trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    activations, state = sum(kept.values()), _ADAM_COPIES * trained
    return {
        "activation_bytes": activations,
        "state_bytes": state,
        "step_bytes": activations + state,
    }
