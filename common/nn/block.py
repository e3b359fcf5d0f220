"""A residual block around a sequence layer: norm, layer, gated activation, residual."""

from __future__ import annotations

from jaxtyping import Complex, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from common.errors import InvalidInputError
from common.nn.norm import sequence_norm

ACTIVATIONS = ("half_glu1", "half_glu2", "glu", "linear")


class TimeSharedDropout(nn.Module):
    """Dropout with one mask for all time steps of a sequence."""

    def __init__(self, p: float):
        super().__init__()
        if not 0 <= p < 1:
            raise InvalidInputError(f"dropout={p}; allowed: 0 to below 1.")
        self.p = p

    def forward(
        self, x: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch length width"]:
        if not self.training or self.p == 0:
            return x
        mask = x.new_empty(x.shape[0], 1, x.shape[2]).bernoulli_(1 - self.p).div_(1 - self.p)
        return x * mask


class GatedActivation(nn.Module):
    """What follows the state space inside a block, g being GELU and s the logistic function.

    ``half_glu1``  z = drop(g(x));  drop(z * s(W z + b))                   (S5)
    ``half_glu2``  drop(x * s(W drop(g(x)) + b))                           (S5)
    ``glu``        z = drop(g(x));  drop(a * s(b)),  (a, b) = W z + c      (S4: 1x1 conv to 2H, GLU)
    ``linear``     z = drop(g(x));  drop(W z + b)                          (S4D's ablations)
    """

    def __init__(self, kind: str, width: int, dropout: float):
        super().__init__()
        if kind not in ACTIVATIONS:
            raise InvalidInputError(f"activation={kind!r}; allowed: {', '.join(ACTIVATIONS)}.")
        self.kind = kind
        self.gate = nn.Linear(width, 2 * width if kind == "glu" else width)
        self.drop = TimeSharedDropout(dropout)

    def forward(
        self, x: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch length width"]:
        # S5 is JAX code, whose GELU is the tanh approximation; S4 uses the exact one.
        exact = self.kind in ("glu", "linear")
        z = self.drop(F.gelu(x, approximate="none" if exact else "tanh"))
        if self.kind == "glu":
            return self.drop(F.glu(self.gate(z), dim=-1))
        if self.kind == "linear":
            return self.drop(self.gate(z))
        return self.drop((z if self.kind == "half_glu1" else x) * self.gate(z).sigmoid())


class SequenceBlock(nn.Module):
    """``x + act(layer(norm(x)))`` (pre-norm) or ``norm(x + act(layer(x)))``.

    Args:
        layer: a state-space layer, :class:`common.nn.s4.S4` or :class:`common.nn.s5.S5`.
        width: number of features.
        activation: see :class:`GatedActivation`.
        dropout: one mask for all time steps.
        norm: ``batch`` or ``layer``.
        prenorm: where the normalisation stands.
        batch_norm_decay: fraction of the old running statistic kept.
        residual: add the input.
    """

    def __init__(
        self,
        layer: nn.Module,
        width: int,
        *,
        activation: str,
        dropout: float = 0.0,
        norm: str = "batch",
        prenorm: bool = True,
        batch_norm_decay: float = 0.95,
        residual: bool = True,
    ):
        super().__init__()
        self.layer = layer
        self.activation = GatedActivation(activation, width, dropout)
        self.norm = sequence_norm(norm, width, batch_norm_decay)
        self.prenorm = prenorm
        self.residual = residual

    def forward(
        self,
        x: Float[Tensor, "batch length width"],
        lengths: Int[Tensor, " batch"] | None = None,
        state: Complex[Tensor, "batch ..."] | None = None,
        *,
        rate: float = 1.0,
        padding: str = "right",
    ) -> tuple[Float[Tensor, "batch length width"], Complex[Tensor, "batch ..."] | None]:
        """As the layer's: with ``lengths`` padded steps change nothing, not even a BatchNorm's
        statistics (their own outputs mean nothing); with ``state`` it goes on from there."""
        z = self.norm(x, lengths, padding) if self.prenorm else x
        z, state = self.layer(z, lengths, state, rate=rate, padding=padding)
        z = self.activation(z)
        if self.residual:
            z = x + z
        return (z if self.prenorm else self.norm(z, lengths, padding)), state

    def initial_state(self, batch: int) -> Complex[Tensor, "batch ..."]:
        """The layer's state at rest."""
        return self.layer.initial_state(batch)

    def step(
        self, x: Float[Tensor, "batch width"], state: Complex[Tensor, "batch ..."], *, rate=1.0
    ) -> tuple[Float[Tensor, "batch width"], Complex[Tensor, "batch ..."]]:
        """One time step.

        Raises:
            InvalidInputError: the block is training: one step is no batch to take statistics of.
        """
        if self.training:
            raise InvalidInputError("a block steps in evaluation mode only; call eval() first.")
        z = self.norm(x[:, None])[:, 0] if self.prenorm else x
        z, state = self.layer.step(z, state, rate=rate)
        z = self.activation(z[:, None])[:, 0]
        if self.residual:
            z = x + z
        return (z if self.prenorm else self.norm(z[:, None])[:, 0]), state
