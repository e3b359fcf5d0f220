"""LORD as a method of ``common.compression.compress``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from common.compression.allocation import ENERGY, Choice, allocate
from common.compression.capture import Keep
from common.compression.compress import Work
from common.compression.forms import LINEAR
from common.errors import InvalidInputError
from papers.lord.models import AFM, Decomposition, decompositions


@dataclass
class OneShotLowRank:
    """Every linear layer in two, of the rank of its outputs on the calibration data.

    The calibration data are packed: they hold neither padding nor special tokens, or ``keep`` says
    which positions count. A GPT-2 of ``Conv1D`` layers goes through
    ``papers.lord.conv1d.with_linear_layers`` first.

    Attributes:
        decomposition: ``afm``; ``afm_uncentred`` and ``svd`` are its controls.
        rule: how ranks are chosen, see ``common.compression.allocation``.
        amount: of the rule; None where a budget decides.
        grid: ranks are multiples of it, 128 for tensor cores; rounded down, so that a budget holds,
            those below it to 1.
        keep: of a batch, which rows count; None: all.
    """

    decomposition: str = AFM
    rule: str = ENERGY
    amount: float | None = None
    grid: int = 1
    keep: Keep | None = None
    name = "LORD"
    kinds = (nn.Linear,)
    budgets = ("parameters", "macs", "bytes")

    def __post_init__(self) -> None:
        if self.grid < 1:
            raise InvalidInputError(f"grid={self.grid}; allowed: 1 or more.")

    def unsupported(self, layer: nn.Module) -> str | None:
        return None

    def __call__(self, work: Work) -> Mapping[str, nn.Module]:
        parts = decompositions(
            work.model, work.layers, work.calibration, self.decomposition, self.keep
        )
        choices = {
            name: Choice.of(work, name, LINEAR, self._spectrum(part, work.layers[name]))
            for name, part in parts.items()
        }
        allowance = work.allowance
        if allowance is not None:
            allowance -= self._biases(work)
        ranks = allocate(choices, self.rule, self.amount, allowance)
        return {
            name: parts[name].at(max(1, rank // self.grid * self.grid))
            for name, rank in ranks.items()
        }

    def _spectrum(self, part: Decomposition, layer: nn.Linear) -> Tensor:
        """Outputs lie, but for their mean, in as many dimensions as there are inputs."""
        return part.spectrum[: min(layer.weight.shape)]

    def _biases(self, work: Work) -> int:
        """What the mean adds to layers that had no bias, in the unit of the budget."""
        if work.kind == "macs":
            return 0
        return sum(
            layer.weight.shape[0] * (layer.weight.element_size() if work.kind == "bytes" else 1)
            for layer in work.layers.values()
            if layer.bias is None
        )
