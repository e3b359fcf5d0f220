"""A climatology on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_choice

VARIABLES = ("SST", "AIRT", "SPEH", "WSPD", "UWND", "VWND", "SLP")


@dataclass
class ClimateGridSpec:
    """The COADS climatology; see `common.data.climate_grid`.

    Attributes:
        variable: SST (temperature of the sea's surface, degrees Celsius), AIRT (of the air), SPEH
            (specific humidity, g/kg), WSPD, UWND, VWND (wind: its speed, eastward, northward, m/s)
            or SLP (pressure at sea level, hPa).
    """

    LOADER: ClassVar[str] = "common.data.climate_grid"

    variable: str = "SST"

    def validate(self) -> None:
        """Raise UserError for a variable that it does not have."""
        require_choice(self, "variable", VARIABLES)
