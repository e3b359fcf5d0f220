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
    and the checks are here. Inputs are taken to the precision of the parameters, float32 or
    float64, and so are outputs, under autocast too.

    Attributes:
        d_model: width H.
        C: read-out, whose precision is the layer's.
        bidirectional: the layer sees the future: it needs whole sequences and has no state.
        D: feed-through, one a channel, or None.
    """

    d_model: int
    C: Tensor
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
            InvalidInputError: shapes, dtypes, lengths or rate do not fit, or a state is given to a
                two-sided layer.
        """
        u = self._checked(u, state, rate, ("batch", "length"))
        inside = enter(u, lengths, padding, least=1 if state is None else 0)
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
            InvalidInputError: the layer is two-sided, or shapes, dtypes or rate do not fit.
        """
        self._check_causal()
        u = self._checked(u, state, rate, ("batch",))
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

    def _checked(self, u, state, rate, axes):
        """The inputs in the precision of the parameters."""
        precision, names = self.C.dtype, ", ".join((*axes, "width"))
        if precision not in (torch.float32, torch.float64):
            raise InvalidInputError(
                f"the layer's parameters are {precision}; needed are float32 or float64. For half "
                "precision around it use autocast."
            )
        fits = u.ndim == len(axes) + 1 and u.shape[-1] == self.d_model and 0 not in u.shape
        if not fits or u.is_complex():
            raise InvalidInputError(
                f"u has shape {tuple(u.shape)} and dtype {u.dtype}; needed is a real ({names}), "
                f"not empty, of width {self.d_model}."
            )
        if state is not None:
            wanted = self.initial_state(u.shape[0])
            if state.shape != wanted.shape or state.dtype != wanted.dtype:
                raise InvalidInputError(
                    f"state has shape {tuple(state.shape)} and dtype {state.dtype}; needed is "
                    f"{tuple(wanted.shape)}, {wanted.dtype}: initial_state({u.shape[0]}), or what "
                    "an earlier call returned."
                )
        if not 0 < rate < float("inf"):
            raise InvalidInputError(f"rate={rate}; needed is a positive number.")
        return u.to(precision)

    def _check_causal(self) -> None:
        if self.bidirectional:
            raise InvalidInputError(
                "a two-sided layer needs the whole sequence and has no state to go on from; use "
                "bidirectional=False."
            )
