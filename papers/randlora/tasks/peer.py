"""R15: the update is that of peft's own RandLoRA, merges and is saved."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import nn

from common.adapters.peft_library import peft_library
from common.experiment.context import RunContext, TaskResult


def run(context: RunContext) -> TaskResult:
    """``update_error``: largest difference of an update on peft's buffers and parameters, its
    columns and rows paired as the paper has them; ``count_error`` of trained numbers;
    ``merge_error`` of a weight after merging and unmerging; ``saved_error`` of a reloaded model.
    Updates are as large as the weight: float32 rounds relative to the larger of both.

    Raises:
        UserError: the extra `peft` is not installed.
    """
    peft_library()
    torch.manual_seed(context.config.seed)
    found = [_compare(*shape) for shape in context.config.task.shapes]
    return TaskResult({name: max(one[name] for one in found) for name in found[0]})


def _compare(rows: int, columns: int, rank: int) -> dict[str, float]:
    import peft

    from papers.randlora.tuner import RandLoraConfig

    theirs, ours = (nn.Sequential(nn.Linear(columns, rows)) for _ in range(2))
    ours.load_state_dict(theirs.state_dict())
    config = peft.RandLoraConfig(r=rank, randlora_alpha=6, target_modules=["0"])
    layer = peft.get_peft_model(theirs, config).base_model.model[0]
    lam, gam = layer.randlora_lambda["default"], layer.randlora_gamma["default"]
    nn.init.normal_(lam)
    nn.init.normal_(gam)
    with torch.no_grad():
        size = layer.get_delta_weight("default").abs().max()
        lam.mul_(layer.base_layer.weight.abs().max() / size)
    settings = RandLoraConfig(r=rank, alpha=6.0, target_modules=["0"], save_bases=True)
    model = peft.get_peft_model(ours, settings)
    inner = model.base_model.model[0]
    adapter = inner.adapters["default"]
    number = lam.shape[1]
    # peft multiplies column (j, k) of B, flat, with row (k', j') of U, flat, at the same place.
    long = layer.randlora_B["default"].flatten(1).view(-1, rank, number).transpose(1, 2)
    adapter.bases.long.copy_(long)
    adapter.bases.short.copy_(layer.randlora_A["default"].permute(1, 0, 2))
    with torch.no_grad():
        adapter.lam.copy_(lam.mT)
        adapter.gam.copy_(gam)
    expected = layer.get_delta_weight("default")
    difference = (adapter.change() - expected).abs().max()
    before = inner.base_layer.weight.clone()
    model.merge_adapter()
    model.unmerge_adapter()
    merge_error = float((inner.base_layer.weight - before).abs().max())
    inner.base_layer.weight.data.copy_(before)
    x = torch.randn(4, columns)
    base = nn.Sequential(nn.Linear(columns, rows))
    base.load_state_dict({"0.weight": before, "0.bias": inner.base_layer.bias})
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(Path(folder))
        again = peft.PeftModel.from_pretrained(base, folder)
    return {
        "update_error": float(difference),
        "count_error": abs(adapter.number() - lam.numel() - gam.numel()),
        "merge_error": merge_error,
        "saved_error": float((again(x) - model(x)).abs().max()),
    }
