"""One attention head with adapters, and the loss whose gradient is wanted (Section 2).

Shapes: L tokens of width d; queries and keys of width m, values of width n (d = m = n in the
paper); adapters of rank r.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from common.errors import InvalidInputError

NAMES = ("query", "key", "value")


@dataclass(frozen=True)
class AdaptedWeight:
    """``W = W* + (alpha/r) B A``.

    Attributes:
        frozen: W*.
        B: left factor, 0 at the start of a training; None: no adapter.
        A: right factor.
        scale: alpha / r.

    Raises:
        InvalidInputError: the factors do not fit the weight.
    """

    frozen: Float[Tensor, "d m"]
    B: Float[Tensor, "d r"] | None = None
    A: Float[Tensor, "r m"] | None = None
    scale: float = 1.0

    def __post_init__(self) -> None:
        if (self.B is None) != (self.A is None):
            raise InvalidInputError("An adapter has two factors: give both B and A, or neither.")
        if self.B is None:
            return
        d, m = self.frozen.shape
        rank = self.B.shape[-1]
        if self.B.shape != (d, rank) or self.A.shape != (rank, m):
            raise InvalidInputError(
                f"B has shape {tuple(self.B.shape)} and A {tuple(self.A.shape)}; the weight is "
                f"{d} x {m}: needed are ({d}, r) and (r, {m})."
            )

    @cached_property
    def merged(self) -> Float[Tensor, "d m"]:
        """The weight that the head works with."""
        return self.frozen if self.B is None else self.frozen + self.scale * (self.B @ self.A)

    def factors(self, gradient: Float[Tensor, "d m"]) -> dict[str, Tensor]:
        """Gradients of B and A from that of W: ``(alpha/r) G A^T`` and ``(alpha/r) B^T G``; empty
        without an adapter."""
        if self.B is None:
            return {}
        return {
            "B": self.scale * gradient @ self.A.mT.to(gradient),
            "A": self.scale * self.B.mT.to(gradient) @ gradient,
        }


@dataclass(frozen=True)
class Head:
    """Three weights and the scale of the scores.

    Attributes:
        query: W_Q.
        key: W_K.
        value: W_V.
        beta: scores are ``beta x_j W_Q W_K^T x_i``: 1/sqrt(m) in practice, 1/d in the theory.
    """

    query: AdaptedWeight
    key: AdaptedWeight
    value: AdaptedWeight
    beta: float

    @property
    def weights(self) -> dict[str, AdaptedWeight]:
        """By name."""
        return {name: getattr(self, name) for name in NAMES}

    def named(self) -> dict[str, Tensor]:
        """Every weight and factor, for messages: ``W_query``, ``B_query``, ..."""
        return {
            f"{letter}_{name}": tensor
            for name, weight in self.weights.items()
            for letter, tensor in (("W", weight.frozen), ("B", weight.B), ("A", weight.A))
            if tensor is not None
        }

    def double(self) -> Head:
        """The same in float64."""

        def exact(weight: AdaptedWeight) -> AdaptedWeight:
            parts = (weight.frozen, weight.B, weight.A)
            return AdaptedWeight(*(None if p is None else p.double() for p in parts), weight.scale)

        return Head(*(exact(weight) for weight in self.weights.values()), beta=self.beta)


@dataclass(frozen=True)
class Gradients:
    """Of the three merged weights, in float64.

    Attributes:
        query: ``beta X^T p X W_K``.
        key: ``beta X^T p^T X W_Q``.
        value: ``X^T f^T c``.
        loss: at the same point.
    """

    query: Float[Tensor, "d m"]
    key: Float[Tensor, "d m"]
    value: Float[Tensor, "d n"]
    loss: float

    @property
    def weights(self) -> dict[str, Tensor]:
        """By name."""
        return {name: getattr(self, name) for name in NAMES}

    def of_adapters(self, head: Head) -> dict[str, Tensor]:
        """``query.B``, ``query.A``, ...: of every adapter that the head has."""
        return {
            f"{name}.{factor}": gradient
            for name, weight in head.weights.items()
            for factor, gradient in weight.factors(getattr(self, name)).items()
        }


@dataclass(frozen=True)
class Problem:
    """``1/2 || D^-1 exp(beta X W_Q W_K^T X^T) X W_V - Y ||^2``, D the row sums.

    Attributes:
        x: the tokens.
        y: the target.
        head: weights and adapters.

    Raises:
        InvalidInputError: shapes or types do not fit, there is no token, or tokens, weights or
            adapters are not finite.
    """

    x: Float[Tensor, "L d"]
    y: Float[Tensor, "L n"]
    head: Head

    def __post_init__(self) -> None:
        if self.x.ndim != 2 or self.y.ndim != 2 or not len(self.x):
            raise InvalidInputError(
                f"x has shape {tuple(self.x.shape)} and y {tuple(self.y.shape)}; needed are (L, d) "
                f"and (L, n), L at least 1. Take the sequences of a batch one by one."
            )
        length, width = self.x.shape
        query, key, value = (self.head.weights[name].frozen for name in NAMES)
        if not query.shape[0] == key.shape[0] == value.shape[0] == width:
            raise InvalidInputError(
                f"x has width {width}; the weights take {query.shape[0]}, {key.shape[0]} and "
                f"{value.shape[0]}."
            )
        if query.shape[1] != key.shape[1]:
            raise InvalidInputError(
                f"Queries have width {query.shape[1]} and keys {key.shape[1]}: needed is the same."
            )
        if self.y.shape != (length, value.shape[1]):
            raise InvalidInputError(
                f"y has shape {tuple(self.y.shape)}; needed is ({length}, {value.shape[1]})."
            )
        given = {"x": self.x, "y": self.y} | self.head.named()
        kinds = {name: tensor.dtype for name, tensor in given.items()}
        if len(set(kinds.values())) > 1:
            raise InvalidInputError(f"Types differ: {kinds}; needed is one for all.")
        for name, tensor in given.items():
            # A NaN in a weight would pass through the bounds, whose maxima drop it.
            if not torch.isfinite(tensor).all():
                raise InvalidInputError(f"{name} has entries that are not finite.")

    def double(self) -> Problem:
        """The same in float64."""
        return Problem(self.x.double(), self.y.double(), self.head.double())

    @property
    def length(self) -> int:
        """L."""
        return self.x.shape[0]

    @cached_property
    def queries(self) -> Float[Tensor, "L m"]:
        """``beta X W_Q``: the whole scale of the scores is put on the query side."""
        return self.x @ (self.head.beta * self.head.query.merged)

    @cached_property
    def keys(self) -> Float[Tensor, "L m"]:
        """``X W_K``."""
        return self.x @ self.head.key.merged

    @cached_property
    def values(self) -> Float[Tensor, "L n"]:
        """``h = X W_V``."""
        return self.x @ self.head.value.merged

    def gradients(
        self,
        interaction: Float[Tensor, "d d"],
        value: Float[Tensor, "d n"],
        loss: float,
    ) -> Gradients:
        """From ``X^T p X``, which is all that the scores' gradient p is needed for: its transpose
        gives the gradient of W_K."""
        wide = interaction.double()
        query, key = (
            self.head.beta * wide @ self.head.key.merged.double(),
            self.head.beta * wide.mT @ self.head.query.merged.double(),
        )
        return Gradients(query, key, value.double(), loss)


def distance(found: Mapping[str, Tensor], exact: Mapping[str, Tensor]) -> dict[str, float]:
    """``|found - exact| / |exact|`` in Frobenius norms, by name."""
    return {
        name: float((found[name].double() - exact[name].double()).norm() / exact[name].norm())
        for name in exact
    }
