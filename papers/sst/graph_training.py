"""Training of a graph net under a method, judged by the epoch that is best on validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor, nn

from common.data.graphs import GraphData
from common.errors import InvalidInputError
from common.evaluation.auc import auc
from papers.sst.hyperbolic.adam import RiemannianAdam
from papers.sst.hyperbolic.layers import manifold_parameters
from papers.sst.methods import Method, apply
from papers.sst.sampling import seeded
from papers.sst.training import Recipe, train


@dataclass
class Best:
    """What is kept of a training.

    Attributes:
        val: the best validation score, per cent.
        test: the test score of that epoch.
        epoch: which one; 0 is before the training.
    """

    val: float = -1.0
    test: float = 0.0
    epoch: int = 0

    def see(self, epoch: int, score: Callable[[str], float]) -> None:
        """``score`` tells that of "val" or "test"; the first of equal epochs counts."""
        val = score("val")
        if val > self.val:
            self.val, self.test, self.epoch = val, score("test"), epoch


class GraphProblem:
    """A graph on its device, with the loss and the scores of its task.

    Args:
        data: nodes or links.
        seed: decides which unlinked pairs an epoch sees.
        device: where it is trained.
    """

    def __init__(self, data: GraphData, seed: int, device: torch.device):
        self.data, self.seed, self.device = data, seed, device
        self.features = data.features.to(device)
        self.adjacency = data.adjacency().to(device)
        self.labels = data.labels.to(device)
        self.of_nodes = bool(data.nodes)
        self._lifted: tuple[nn.Module, Tensor] | None = None
        self.codes = (data.edges[:, 0] * len(data.features) + data.edges[:, 1]).sort().values

    def embed(self, model: nn.Module) -> Tensor:
        """Points of all nodes; features are lifted once for each model."""
        if self._lifted is None or self._lifted[0] is not model:
            with torch.no_grad():
                self._lifted = (model, model.lift(self.features))
        return model.states(self._lifted[1], self.adjacency)[-1]

    def loss(self, model: nn.Module, x: Tensor, epoch: int) -> Tensor:
        """Of all training nodes or links at once, of these points."""
        if self.of_nodes:
            rows = self.data.nodes["train"].to(self.device)
            return model.class_loss(x[rows], self.labels[rows])
        linked = self.data.links["train"][0]
        unlinked = self.unlinked(len(linked), epoch)
        return model.link_loss(x, linked.to(self.device), unlinked.to(self.device))

    def unlinked(self, count: int, epoch: int) -> Int[Tensor, "c 2"]:
        """Random pairs that are no training edges: a function of the seed and the epoch."""
        n = len(self.data.features)
        drawn = torch.randint(n, (2 * count + 64, 2), generator=seeded(self.seed, "pairs", epoch))
        drawn = drawn.sort(1).values
        known = torch.isin(drawn[:, 0] * n + drawn[:, 1], self.codes, assume_unique=False)
        free = drawn[~known & (drawn[:, 0] != drawn[:, 1])]
        if not len(free):
            raise InvalidInputError(
                f"The {n} nodes have {len(self.codes)} edges: hardly a pair of them is unlinked."
            )
        return free[torch.arange(count) % len(free)]

    @torch.no_grad()
    def judge(self, model: nn.Module, x: Tensor, split: str) -> float:
        """Accuracy or area under the ROC curve on "val" or "test", per cent, of these points."""
        if self.of_nodes:
            rows = self.data.nodes[split].to(self.device)
            right = model.logits(x[rows]).argmax(1) == self.labels[rows]
            return 100 * float(right.float().mean())
        linked, unlinked = (p.to(self.device) for p in self.data.links[split])
        scores = torch.cat([model.scores(x, linked), model.scores(x, unlinked)]).double()
        truth = torch.cat([torch.ones(len(linked)), torch.zeros(len(unlinked))])
        return 100 * auc(scores, truth.to(scores.device))


def fit(
    problem: GraphProblem,
    model: nn.Module,
    method: Method,
    recipe: Recipe,
    *,
    between: Callable[[], None] = lambda: None,
) -> Best:
    """Train in place on the whole graph, one step an epoch.

    Args:
        problem: what is learnt.
        model: a fresh network on the problem's device.
        method: of training its matrices; class points have Riemannian Adam.
        recipe: its steps are epochs.
        between: called before each step; may raise to stop.
    """
    trained = apply(model, method, seed=problem.seed)
    points = manifold_parameters(model)
    also = [RiemannianAdam(points, recipe.lr, recipe.betas)] if points else []
    best = Best()
    steady = not any(m.p for m in model.modules() if isinstance(m, nn.Dropout))

    def see(epoch: int, x: Tensor) -> None:
        best.see(epoch, lambda split: problem.judge(model, x, split))

    def loss(epoch: int) -> Tensor:
        """Without dropout the points of a step are those that the epoch before is judged by."""
        x = problem.embed(model)
        see(epoch, x.detach() if steady else evaluated(problem, model))
        return problem.loss(model, x, epoch)

    train(trained, loss, recipe, also=also, between=between)
    see(recipe.steps, evaluated(problem, model))
    return best


@torch.no_grad()
def evaluated(problem: GraphProblem, model: nn.Module) -> Tensor:
    """Points without dropout."""
    training = model.training
    x = problem.embed(model.eval())
    model.train(training)
    return x
