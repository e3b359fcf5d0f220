"""One column of numbers of a public table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_choice


@dataclass
class TableColumnSpec:
    """Points of a line; see `common.data.table_column`.

    Attributes:
        source: `flights_air_time` (minutes) or `flights_distance` (miles) of departures from New
            York in 2013; `movielens_time`, seconds at which films were rated.
    """

    LOADER: ClassVar[str] = "common.data.table_column"

    source: str = "flights_air_time"

    def validate(self) -> None:
        """Raise UserError for a column that is not known here."""
        require_choice(self, "source", ("flights_air_time", "flights_distance", "movielens_time"))
