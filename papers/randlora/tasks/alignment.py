"""R13: which adapter's representations are nearer full fine-tuning's; R14: whose minimum is deeper.

All three are trained on the same rows, in the same order, for as many steps.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.adapters.plain import AdaptedLayer, merge, remove
from common.evaluation.cka import linear_cka
from common.experiment.context import RunContext, TaskResult
from common.fine_tuning.baselines import Choice, full, lora
from common.fine_tuning.classifier import Classifier, pooled
from common.fine_tuning.prefix import Hidden
from common.fine_tuning.subject import subject
from common.fine_tuning.training import Recipe, mean_loss, train
from papers.randlora import loss_plane
from papers.randlora.tasks.sentences import randlora


def run(context: RunContext) -> TaskResult:
    """``lora_cka_6``: of LoRA's and full fine-tuning's outputs of block 6 on the judged rows, as
    ``randlora_cka_6``, and ``*_cka_deep`` the mean of the last two; ``*_final_loss``: on training
    rows, after the last step, as ``*_held_out_loss`` on rows apart, by which rates are chosen."""
    task, seed = context.config.task, context.config.seed
    start = subject(context)
    data = start.outputs
    metrics: dict[str, float] = {}
    trained: dict[str, Classifier] = {}
    rows = torch.arange(min(task.plane_rows, len(data.train)))
    for name, method, rank, lr in (
        ("full", full, 1, task.full_lr),
        ("lora", lora, task.lora_rank, task.lora_lr),
        ("randlora", randlora, task.rank, task.lr),
    ):
        torch.manual_seed(seed)
        choice = Choice(task.targets, rank, None, seed)
        model = start.classifier(method(start.copy_of_blocks(), choice))
        recipe = Recipe(task.steps, task.batch_size, lr, head_lr=task.head_lr, seed=seed)
        losses = train(model, model.head, data.train, recipe, between=context.stop.raise_if_set)
        model.blocks = merged(model.blocks)
        trained[name] = model
        metrics[f"{name}_late_loss"] = mean_loss(losses, len(losses) * 4 // 5, len(losses))
        metrics[f"{name}_final_loss"] = loss_on(model, data.train, rows)
        apart = torch.arange(len(data.held_out))
        metrics[f"{name}_held_out_loss"] = loss_on(model, data.held_out, apart)
    outputs = {name: layer_outputs(model, data.dev) for name, model in trained.items()}
    blocks = range(1, task.blocks + 1)
    for name in ("lora", "randlora"):
        for block in blocks:
            metrics[f"{name}_cka_{block}"] = linear_cka(
                outputs[name][block - 1], outputs["full"][block - 1]
            )
        deep = [metrics[f"{name}_cka_{block}"] for block in blocks][-2:]
        metrics[f"{name}_cka_deep"] = sum(deep) / len(deep)
    curves = {
        f"{name}_cka": [metrics[f"{name}_cka_{block}"] for block in blocks]
        for name in ("lora", "randlora")
    }
    facts = {}
    if task.plane:
        names = ("full", "lora", "randlora")
        states = [copy.deepcopy(trained[name].state_dict()) for name in names]
        sides, plane = loss_plane.losses(
            copy.deepcopy(trained["full"]),
            states,
            lambda model: loss_on(model, data.train, rows),
            task.plane_size,
            track=context.track,
        )
        loss_plane.draw(sides, plane, names, context.folder)
        facts = {"loss_plane": {"weights": sides, "losses": plane}}
    return TaskResult(metrics, start.entries, facts=facts, curves=curves)


def merged(blocks: nn.Module) -> nn.Module:
    """Blocks with every change in their weights, under their own names."""
    if hasattr(blocks, "merge_and_unload"):  # peft's
        return blocks.merge_and_unload()
    if any(isinstance(module, AdaptedLayer) for module in blocks.modules()):
        merge(blocks)
        remove(blocks)
    return blocks


@torch.no_grad()
def loss_on(model: nn.Module, data: Hidden, rows: Tensor) -> float:
    """Mean cross-entropy on some rows."""
    model.eval()
    total = 0.0
    for part in rows.split(64):
        hidden, mask, labels = data.batch(part)
        total += F.cross_entropy(model(hidden, mask), labels, reduction="sum").item()
    return total / len(rows)


@torch.no_grad()
def layer_outputs(model: Classifier, data: Hidden) -> list[Tensor]:
    """Pooled outputs of every block, (n, width) each."""
    found: list[list[Tensor]] = []
    for rows in torch.arange(len(data)).split(128):
        hidden, mask, _ = data.batch(rows)
        for i, block in enumerate(model.blocks.encoder["layer"].values()):
            hidden = block(hidden, mask[:, None, None, :])
            if i == len(found):
                found.append([])
            found[i].append(pooled(hidden, mask))
    return [torch.cat(parts) for parts in found]
