"""S10: translation between two generated languages, Euclidean or hyperbolic; one method, rate and
seed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from common.data.blocks import block_rng
from common.data.draws import uniform_integers
from common.errors import InvalidInputError
from common.experiment.context import RunContext, TaskResult
from common.experiment.machine import device
from papers.sst.accounting import dense_size, trainable
from papers.sst.bleu import corpus_bleu
from papers.sst.grammar import END, PAD, START, Grammar, encoded, vocabulary
from papers.sst.hyperbolic.adam import RiemannianAdam
from papers.sst.hyperbolic.layers import LorentzLinear, manifold_parameters, worst_violation
from papers.sst.hyperbolic.transformer import LorentzTransformer
from papers.sst.methods import Method, apply
from papers.sst.presets import method_of
from papers.sst.training import Recipe, train
from papers.sst.transformer import Transformer, greedy

GEOMETRIES = {"euclidean": Transformer, "lorentz": LorentzTransformer}


@dataclass(frozen=True)
class Pairs:
    """Encoded sentences of a split.

    Attributes:
        source: (N, S), padded.
        target: (N, T), from start to end.
    """

    source: Tensor
    target: Tensor


def run(context: RunContext) -> TaskResult:
    """``bleu`` of greedy translations of the test sentences; ``violation``: largest
    |<x, x>_L + 1| of all states of the Lorentz net on them."""
    task, seed = context.config.task, context.config.seed
    if task.geometry not in GEOMETRIES:
        raise InvalidInputError(
            f"task.geometry={task.geometry!r}; allowed: {', '.join(GEOMETRIES)}."
        )
    where = device(context.config.trainer)
    parts, sizes = sentences(task, where)
    torch.manual_seed(seed)
    longest = max(max(p.source.shape[1], p.target.shape[1]) for p in parts.values())
    model = GEOMETRIES[task.geometry](
        *sizes,
        width=task.width,
        heads=task.heads,
        layers=task.layers,
        positions=longest + 8,
        dropout=task.dropout,
    ).to(where)
    base = Method(
        rank=task.rank,
        iteration_steps=task.iteration_steps,
        restart_warmup=task.restart_warmup,
        round_iterations=task.round_iterations,
    )
    trained = apply(model, method_of(task.method, base), seed=seed)
    points = manifold_parameters(model)
    pairs = parts["train"]

    def loss(step: int) -> Tensor:
        drawn = uniform_integers(block_rng(seed, step), 0, len(pairs.source) - 1, task.batch_size)
        rows = torch.from_numpy(drawn).to(where)
        return cross_entropy(model, pairs.source[rows], pairs.target[rows], task.smoothing)

    log = train(
        trained,
        loss,
        Recipe(task.steps, task.lr, warmup=task.warmup, clip=task.clip),
        folder=context.folder / "training",
        every=200,
        also=[points_optimiser(points, task)] if points else [],
        between=context.stop.raise_if_set,
    )
    metrics = {
        "bleu": bleu(model, parts["test"]),
        "val_bleu": bleu(model, parts["val"]),
        "final_loss": sum(log.losses[-50:]) / len(log.losses[-50:]),
        "steps": float(task.steps),
        "seconds": log.seconds,
        "rounds": float(log.rounds),
        "trained_share": 100 * trainable(model) / dense_size(model),
    }
    if points:
        metrics["violation"] = violation(model, parts["test"])
    note = "Two generated languages: a stand-in for IWSLT'14."
    return TaskResult(metrics, notes=[note])


def points_optimiser(points: list[nn.Parameter], task) -> RiemannianAdam:
    """Its step has the length of the rate, where Adam's has the rate in each coordinate."""
    return RiemannianAdam([{"params": points, "factor": task.width**0.5}], task.lr)


def sentences(task, where: torch.device) -> tuple[dict[str, Pairs], tuple[int, int]]:
    """Encoded splits, and the sizes of both vocabularies."""
    grammar = Grammar(task.nouns, task.verbs, task.adjectives, task.grammar_seed)
    splits = grammar.splits(task.train, task.val, task.test)
    every = [pair for split in splits.values() for pair in split]
    words = [vocabulary([pair[side] for pair in every]) for side in (0, 1)]
    parts = {}
    for name, pairs in splits.items():
        source = encoded([p[0] for p in pairs], words[0], ends=False)
        target = encoded([p[1] for p in pairs], words[1], ends=True)
        parts[name] = Pairs(*(torch.from_numpy(x).to(where) for x in (source, target)))
    return parts, (len(words[0]), len(words[1]))


def cross_entropy(model: nn.Module, source: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """Of each next token, padding left out."""
    logits = model(source, target[:, :-1])
    return F.cross_entropy(
        logits.flatten(0, 1),
        target[:, 1:].flatten(),
        ignore_index=PAD,
        label_smoothing=smoothing,
    )


def bleu(model: nn.Module, pairs: Pairs) -> float:
    """Of greedy translations."""
    model.eval()
    length = pairs.target.shape[1] + 4
    found = [greedy(model, part, length, START, END) for part in pairs.source.split(250)]
    hypotheses = [words(row) for part in found for row in part.tolist()]
    return corpus_bleu(hypotheses, [words(row[1:]) for row in pairs.target.tolist()])


def words(row: list[int]) -> list[int]:
    """Tokens before the end."""
    row = row[: row.index(END)] if END in row else row
    return [token for token in row if token != PAD]


@torch.no_grad()
def violation(model: LorentzTransformer, pairs: Pairs) -> float:
    """Over all points that any layer gives, queries, keys and values too, and all trained ones."""
    seen = [worst_violation(p) for p in manifold_parameters(model)]

    def look(layer: nn.Module, read: tuple, points: Tensor) -> None:
        seen.append(worst_violation(points))

    hooks = [m.register_forward_hook(look) for m in model.modules() if isinstance(m, LorentzLinear)]
    for source, target in zip(pairs.source.split(250), pairs.target.split(250), strict=True):
        model(source, target[:, :-1])
    for hook in hooks:
        hook.remove()
    return max(seen)
