"""What compressing a model did, the same for every method."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.compression.costs import Costs


@dataclass(frozen=True)
class LayerReport:
    """One layer that was replaced.

    Attributes:
        name: in the model.
        kind: type of the dense layer.
        rank: of what replaced it; None where that has no rank.
        parameters: before and after.
        bytes: before and after.
        macs: before and after, of one batch.
        error: squared distance of the outputs over the squared norm of the dense layer's, on what
            the dense layer saw of the first calibration batch; None where nothing reached it.
    """

    name: str
    kind: str
    rank: int | None
    parameters: tuple[int, int]
    bytes: tuple[int, int]
    macs: tuple[int, int]
    error: float | None


@dataclass(frozen=True)
class Report:
    """The whole model.

    Attributes:
        method: its name.
        dense: costs before.
        compressed: costs after.
        dense_seconds: median time of one batch.
        compressed_seconds: the same, afterwards.
        layers: those replaced.
        skipped: name of each other layer of the types asked for -> why it stayed.
    """

    method: str
    dense: Costs
    compressed: Costs
    dense_seconds: float
    compressed_seconds: float
    layers: tuple[LayerReport, ...]
    skipped: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        dense, small = self.dense, self.compressed
        lines = [
            f"{self.method}: {len(self.layers)} layers replaced, {len(self.skipped)} skipped",
            f"parameters {dense.parameters:,} -> {small.parameters:,} ({small.nonzero:,} not 0)",
            f"bytes {dense.bytes:,} -> {small.bytes:,}",
            f"multiply-adds {dense.macs:,} -> {small.macs:,}",
            f"seconds {self.dense_seconds:.2e} -> {self.compressed_seconds:.2e}",
        ]
        for one in self.layers:
            rank = "" if one.rank is None else f"  rank {one.rank}"
            error = "" if one.error is None else f"  error {one.error:.1e}"
            lines.append(
                f"  {one.name} ({one.kind}){rank}  parameters {one.parameters[0]:,} -> "
                f"{one.parameters[1]:,}{error}"
            )
        lines += [f"  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)
