"""The transformer block under ordered decomposition, on a generated task: say a sequence backwards.

Multi30k cannot be had; this shows that attention in factors trains and can be cut, no more.
"""

from __future__ import annotations

import torch
from torch import Tensor

from common.errors import Diverged
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.maestro.lod import decompose
from papers.maestro.models import OrderedDecomposition
from papers.maestro.networks import Transformer
from papers.maestro.ranks import at_ranks, by_part, ordered_layers

VOCABULARY = 12  # ten symbols, a start and a separator
START = 10


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent of tokens, teacher-forced, at each part of the ranks."""
    task, seed = context.config.task, context.config.seed
    torch.manual_seed(seed)
    where = device(context.config.trainer)
    model = Transformer(VOCABULARY, task.layers, task.width, task.heads).to(where)
    layers = decompose(model).values()
    method = OrderedDecomposition(_Tokens(model), layers, group_lasso=task.group_lasso, seed=seed)
    update = torch.optim.Adam(model.parameters(), lr=task.lr)
    generator = torch.Generator().manual_seed(seed)
    last = None
    for step in context.track(range(task.steps), "copy and reverse"):
        pairs, answers = batch(generator, task.batch_size, task.length)
        loss = method(pairs.to(where), answers.to(where))
        if not torch.isfinite(loss):
            raise Diverged(step, last)
        last = float(loss.detach())
        update.zero_grad()
        loss.backward()
        update.step()
    model.eval()
    tests = batch(torch.Generator().manual_seed(seed + 1), task.test, task.length)
    metrics = {"loss": last}
    for part in task.parts:
        small = at_ranks(model, by_part(ordered_layers(model), part))
        metrics[f"accuracy_at_{part:g}"] = accuracy(small, *tests, where)
    metrics["accuracy"] = metrics["accuracy_at_1"]
    return TaskResult(metrics, notes=["Random sequences said backwards; no data set of the paper."])


class _Tokens(torch.nn.Module):
    """A translation model on (source, shifted target), its answers a row each."""

    def __init__(self, model: Transformer):
        super().__init__()
        self.model = model

    def forward(self, pairs: Tensor) -> Tensor:
        source, target = pairs
        return self.model(source, target).flatten(0, 1)


def batch(generator: torch.Generator, size: int, length: int) -> tuple[Tensor, Tensor]:
    """(2, size, length) sources and what comes before each answer; (size * length,) answers."""
    source = torch.randint(START, (size, length), generator=generator)
    answer = source.flip(1)
    before = torch.cat([torch.full((size, 1), START), answer[:, :-1]], 1)
    return torch.stack([source, before]), answer.flatten()


@torch.no_grad()
def accuracy(model: Transformer, pairs: Tensor, answers: Tensor, where: torch.device) -> float:
    """Per cent of tokens."""
    found = _Tokens(model)(pairs.to(where)).argmax(-1).cpu()
    return 100 * float((found == answers).double().mean())
