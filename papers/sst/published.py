"""Perplexities of the paper's tables of OPT and LLaMA, and what its gap figures come to."""

from __future__ import annotations

from dataclasses import dataclass

from common.errors import InvalidInputError


@dataclass(frozen=True)
class Row:
    """A model's perplexities.

    Attributes:
        full: of full-rank training.
        lora: of LoRA; None where the figure printed contradicts the paper's own gap (OPT-1.3B,
            17.16: below SST's 22.31, which would then have closed less than nothing).
        relora: of ReLoRA*.
        sst: of SST.
        gap: per cent of the gap that the paper says is closed, None where it gives none.
    """

    full: float
    lora: float | None
    relora: float
    sst: float
    gap: float | None = None


TABLE = {
    "opt_125m": Row(23.50, 34.23, 35.80, 26.98, 67.6),
    "opt_350m": Row(21.78, 34.26, 39.21, 27.72, 52.4),
    "opt_1_3b": Row(15.10, None, 29.52, 22.31, 50.0),
    "llama_130m": Row(20.04, 29.71, 31.33, 23.35, 65.8),
    "llama_1_3b": Row(14.54, 16.50, 17.32, 14.59, 97.4),
}


def gap_closed(full: float, low_rank: list[float], sst: float) -> float:
    """(best low-rank - SST) / (best low-rank - full), per cent, of figures that are better when
    smaller.

    Raises:
        InvalidInputError: there is no gap to be closed.
    """
    best = min(low_rank, default=float("nan"))
    if not best > full:
        raise InvalidInputError(
            f"The best low-rank figure is {best}, the full-rank one {full}: there is no gap."
        )
    return 100 * (best - sst) / (best - full)


def table_gap(row: Row) -> float:
    """Of a row of the table."""
    low = [figure for figure in (row.lora, row.relora) if figure is not None]
    return gap_closed(row.full, low, row.sst)
