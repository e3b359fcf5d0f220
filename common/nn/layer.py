"""What every state-space layer offers: sequences, pieces, steps, ragged batches, other rates."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from jaxtyping import Complex, Float, Int
from torch import Tensor, nn

from common.errors import InvalidInputError
from common.nn.padding import enter, leave


class StateSpaceLayer(nn.Module, ABC):
    """Maps ``(batch, length, width)`` to the same shape, linear in its input.

        y, state = layer(u)                                # a whole sequence; state is None
        y, state = layer(u, state=layer.initial_state(b))  # piece by piece
        y_t, state = layer.step(u_t, state)                # step by step

    A kind of layer says what it does from rest, from a state and in one step; the D term, padding
    and the checks are here.

    Attributes:
        bidirectional: the layer sees the future: it needs whole sequences and has no state.
        D: feed-through, one a channel, or None.
    """

    bidirectional: bool
    D: nn.Parameter | None

    def forward(
        self,
        u: Float[Tensor, "batch length width"],
        lengths: Int[Tensor, " batch"] | None = None,
        state: Complex[Tensor, "batch ..."] | None = None,
        *,
        rate: float = 1.0,
        padding: str = "right",
    ) -> tuple[Float[Tensor, "batch length width"], Complex[Tensor, "batch ..."] | None]:
        """Outputs and, if a state was given, the state after the last step of each sequence.

        Args:
            u: inputs.
            lengths: true lengths in a ragged batch; padded steps change nothing and come out zero.
            state: before the first step, from :meth:`initial_state` or an earlier call.
            rate: by how much longer a step is than in training (2: half the sampling rate).
            padding: the side on which ragged sequences are padded, ``right`` or ``left``.

        Raises:
            InvalidInputError: lengths do not fit, or a state is given to a two-sided layer.
        """
        inside = enter(u, lengths, padding)
        if state is None:
            y, final = self._whole(inside, rate), None
        else:
            self._check_causal()
            y, final = self._continue(inside, state, lengths, rate)
        if self.D is not None:
            y = torch.addcmul(y, inside, self.D)
        return leave(y, lengths, padding), final

    def step(
        self,
        u: Float[Tensor, "batch width"],
        state: Complex[Tensor, "batch ..."],
        *,
        rate: float = 1.0,
    ) -> tuple[Float[Tensor, "batch width"], Complex[Tensor, "batch ..."]]:
        """One step of the recurrence.

        Raises:
            InvalidInputError: the layer is two-sided.
        """
        self._check_causal()
        y, state = self._step(u, state, rate)
        return (y if self.D is None else torch.addcmul(y, u, self.D)), state

    @abstractmethod
    def initial_state(self, batch: int) -> Complex[Tensor, "batch ..."]:
        """The state at rest."""

    @abstractmethod
    def _whole(
        self, u: Float[Tensor, "batch length width"], rate: float
    ) -> Float[Tensor, "batch length width"]:
        """From rest, over a sequence that is zero beyond its end."""

    @abstractmethod
    def _continue(self, u: Tensor, state: Tensor, lengths: Tensor | None, rate: float):
        """Outputs from a state, and the state after ``lengths`` steps of each sequence."""

    @abstractmethod
    def _step(self, u: Tensor, state: Tensor, rate: float):
        """Output and next state."""

    def _check_causal(self) -> None:
        if self.bidirectional:
            raise InvalidInputError(
                "a two-sided layer needs the whole sequence and has no state to go on from; use "
                "bidirectional=False."
            )
