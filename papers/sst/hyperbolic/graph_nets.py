"""Networks on graphs: HyboNet (Chen et al. 2022), HGCN (Chami et al. 2019), and HNN, which is HGCN
without its aggregation (Ganea et al. 2018)."""

from __future__ import annotations

from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError
from papers.sst.hyperbolic import lorentz, poincare
from papers.sst.hyperbolic.layers import LorentzClassifier, LorentzLinear, margin_loss

HYBONET, HGCN, HNN = "hybonet", "hgcn", "hnn"
NETWORKS = (HYBONET, HGCN, HNN)


class HyboNet(nn.Module):
    """Layers of a Lorentz linear map and the centroid of the neighbours.

    Args:
        features: of a node.
        width: coordinates of a point, the time included.
        layers: number of them.
        classes: of nodes; 0 for links.
        dropout: of what each layer reads.
        attention: weigh neighbours by sigmoid((2 + 2 <q, k>_L) / scale + 20) instead of by degree.
        margin: of the loss.
    """

    def __init__(
        self,
        features: int,
        width: int,
        layers: int,
        classes: int,
        *,
        dropout: float = 0.0,
        attention: bool = False,
        margin: float = 2.0,
    ):
        super().__init__()
        sizes = [features + 1, *[width] * layers]
        self.layers = nn.ModuleList(
            LorentzLinear(before, after, dropout=dropout, activation=F.relu if i else None)
            for i, (before, after) in enumerate(pairwise(sizes))
        )
        self.attention = nn.ModuleList(
            NeighbourAttention(width) for _ in range(layers if attention else 0)
        )
        self.classifier = LorentzClassifier(classes, width) if classes else None
        self.margin = margin

    def forward(
        self, features: Float[Tensor, "n f"], adjacency: Float[Tensor, "n n"]
    ) -> Float[Tensor, "n d"]:
        """A point of the manifold for each node."""
        return self.states(self.lift(features), adjacency)[-1]

    def lift(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n g"]:
        """What the first layer reads; depends on nothing that is trained."""
        return lorentz.expmap0(features)

    def states(self, x: Float[Tensor, "n g"], adjacency: Tensor) -> list[Tensor]:
        """Points after each layer, from lifted features on."""
        found = []
        for i, layer in enumerate(self.layers):
            x = layer(x)
            weights = self.attention[i](x, adjacency) if self.attention else adjacency
            x = lorentz.centroid(x, weights)
            found.append(x)
        return found

    def logits(self, x: Float[Tensor, "p d"]) -> Float[Tensor, "p c"]:
        """Of the classes of points."""
        return self.classifier(x)

    def class_loss(self, x: Tensor, labels: Int[Tensor, " p"]) -> Tensor:
        """Margin loss of points with these classes."""
        return margin_loss(self.logits(x), labels, self.margin)

    def scores(self, x: Tensor, pairs: Int[Tensor, "e 2"]) -> Float[Tensor, " e"]:
        """Of links: minus the squared distance."""
        return -lorentz.squared_distance(x[pairs[:, 0]], x[pairs[:, 1]])

    def link_loss(self, x: Tensor, linked: Tensor, unlinked: Tensor) -> Tensor:
        """Margin between each linked pair and an unlinked one."""
        return torch.relu(self.margin - self.scores(x, linked) + self.scores(x, unlinked)).mean()


class NeighbourAttention(nn.Module):
    """Weights of the neighbours from queries and keys on the manifold, masked by the adjacency."""

    def __init__(self, width: int):
        super().__init__()
        self.query, self.key = LorentzLinear(width, width), LorentzLinear(width, width)
        self.bias = nn.Parameter(torch.full((), 20.0))
        self.scale = nn.Parameter(torch.full((), width**0.5))

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        scores = 2 + 2 * lorentz.pairwise_inner(self.query(x), self.key(x))
        weights = F.logsigmoid(scores / self.scale + self.bias)
        # A centroid takes weights up to a factor: a row that sums to 1 cannot vanish.
        return weights.masked_fill(adjacency.to_dense() == 0, -torch.inf).softmax(-1)


class HyperbolicGCN(nn.Module):
    """Layers on the Poincare ball: expmap0(W logmap0(x)) (+) expmap0(b), the mean of the neighbours
    and the activation in the tangent space at 0.

    Args:
        features: of a node.
        width: of a point.
        layers: number of them.
        classes: of nodes; 0 for links.
        dropout: of what each layer reads.
        aggregate: without it the network is HNN, which sees no edge.
    """

    def __init__(
        self,
        features: int,
        width: int,
        layers: int,
        classes: int,
        *,
        dropout: float = 0.0,
        aggregate: bool = True,
    ):
        super().__init__()
        sizes = [features, *[width] * layers]
        pairs = list(pairwise(sizes))
        self.layers = nn.ModuleList(nn.Linear(n, m, bias=False) for n, m in pairs)
        self.biases = nn.ParameterList(torch.zeros(m) for _, m in pairs)
        for layer in self.layers:
            nn.init.xavier_uniform_(layer.weight, gain=2**0.5)
        self.dropout, self.aggregate = nn.Dropout(dropout), aggregate
        self.classifier = nn.Linear(width, classes) if classes else None

    def forward(
        self, features: Float[Tensor, "n f"], adjacency: Float[Tensor, "n n"]
    ) -> Float[Tensor, "n d"]:
        """A point of the ball for each node."""
        return self.states(self.lift(features), adjacency)[-1]

    def lift(self, features: Float[Tensor, "n f"]) -> Float[Tensor, "n f"]:
        """What the first layer reads in the tangent space: the logarithm of the points that the
        features are mapped to; depends on nothing that is trained."""
        return poincare.logmap0(poincare.expmap0(features))

    def states(self, flat: Float[Tensor, "n f"], adjacency: Tensor) -> list[Tensor]:
        """Points after each layer, from lifted features on."""
        found = []
        for layer, bias in zip(self.layers, self.biases, strict=True):
            x = poincare.expmap0(layer(self.dropout(flat)))
            x = poincare.moebius_add(x, poincare.expmap0(bias))
            flat = poincare.logmap0(x)
            if self.aggregate:
                flat = poincare.logmap0(poincare.expmap0(adjacency @ flat))
            x = poincare.expmap0(F.relu(flat))
            found.append(x)
            flat = poincare.logmap0(x)
        return found

    def logits(self, x: Float[Tensor, "p d"]) -> Float[Tensor, "p c"]:
        """A linear map in the tangent space."""
        return self.classifier(poincare.logmap0(x))

    def class_loss(self, x: Tensor, labels: Int[Tensor, " p"]) -> Tensor:
        """Cross-entropy of points with these classes."""
        return F.cross_entropy(self.logits(x), labels)

    def scores(self, x: Tensor, pairs: Int[Tensor, "e 2"]) -> Float[Tensor, " e"]:
        """Logits of the Fermi-Dirac decoder, radius 2, temperature 1."""
        return 2 - poincare.squared_distance(x[pairs[:, 0]], x[pairs[:, 1]])

    def link_loss(self, x: Tensor, linked: Tensor, unlinked: Tensor) -> Tensor:
        """Binary cross-entropy, the mean over both kinds of pairs."""
        return (
            F.softplus(-self.scores(x, linked)).mean() + F.softplus(self.scores(x, unlinked)).mean()
        )


def build(
    network: str, features: int, classes: int, *, width: int, layers: int, **options: float
) -> nn.Module:
    """A network by its name.

    Raises:
        InvalidInputError: there is no such network, or a size is below what it needs.
    """
    if network not in NETWORKS:
        raise InvalidInputError(f"task.network={network!r}; allowed: {', '.join(NETWORKS)}.")
    if layers < 1 or width < 2:
        raise InvalidInputError(
            f"task.layers={layers}, task.width={width}; allowed: 1 layer or more, a width of 2 or "
            "more."
        )
    if network == HYBONET:
        return HyboNet(features, width, layers, classes, **options)
    options.pop("margin", None)
    if options.pop("attention", False):
        raise InvalidInputError("task.attention=true; only hybonet has it here.")
    return HyperbolicGCN(features, width, layers, classes, aggregate=network == HGCN, **options)
