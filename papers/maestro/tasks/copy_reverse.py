"""The transformer block under ordered decomposition, on a generated task: repeat, or say backwards.

Multi30k cannot be had; this shows that attention in factors trains and can be cut, no more.
"""

from __future__ import annotations

import torch
from jaxtyping import Int64
from torch import Tensor

from common.errors import Diverged
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.maestro.lod import decompose
from papers.maestro.models import OrderedDecomposition
from papers.maestro.networks import Transformer
from papers.maestro.ranks import at_ranks, by_part, ordered_layers
from papers.maestro.tasks.cuts import check_parts

SYMBOLS = 10
START, COPY, REVERSE = SYMBOLS, SYMBOLS + 1, SYMBOLS + 2
VOCABULARY = SYMBOLS + 3
Pair = tuple[Int64[Tensor, "b s"], Int64[Tensor, "b t"]]


def run(context: RunContext) -> TaskResult:
    """Accuracy in per cent of tokens, teacher-forced, at each part of the ranks."""
    task, seed = context.config.task, context.config.seed
    check_parts(task.parts)
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
        loss = method(tuple(part.to(where) for part in pairs), answers.to(where))
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
    notes = ["Random sequences repeated or said backwards; no data set of the paper."]
    return TaskResult(metrics, notes=notes)


class _Tokens(torch.nn.Module):
    """A translation model on (source, shifted target), its answers a row each."""

    def __init__(self, model: Transformer):
        super().__init__()
        self.model = model

    def forward(self, pairs: Pair) -> Tensor:
        source, target = pairs
        return self.model(source, target).flatten(0, 1)


def batch(
    generator: torch.Generator, size: int, length: int
) -> tuple[Pair, Int64[Tensor, " answers"]]:
    """Sources, each opened by what is to be done with it; what comes before each answer, opened by
    a start; and the answers."""
    symbols = torch.randint(SYMBOLS, (size, length), generator=generator)
    reverse = torch.randint(2, (size, 1), generator=generator).bool()
    answer = torch.where(reverse, symbols.flip(1), symbols)
    source = torch.cat([torch.where(reverse, REVERSE, COPY), symbols], 1)
    before = torch.cat([torch.full((size, 1), START), answer[:, :-1]], 1)
    return (source, before), answer.flatten()


@torch.no_grad()
def accuracy(model: Transformer, pairs: Pair, answers: Tensor, where: torch.device) -> float:
    """Per cent of tokens."""
    found = _Tokens(model)(tuple(part.to(where) for part in pairs)).argmax(-1).cpu()
    return 100 * float((found == answers).double().mean())
