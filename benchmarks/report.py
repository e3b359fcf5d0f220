"""One measured figure, the bound it has to keep, and the table of them all."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Measurement:
    """``bound`` reads ("<=", 1.9) or (">=", 10.0); None where a figure is only for comparison."""

    benchmark: str
    quantity: str
    value: float
    unit: str = ""
    bound: tuple[str, float] | None = None

    @property
    def missed(self) -> bool:
        if self.bound is None:
            return False
        relation, limit = self.bound
        holds = self.value <= limit if relation == "<=" else self.value >= limit
        return not holds  # so that NaN misses either bound

    def cells(self) -> tuple[str, str, str, str, str]:
        bound = "" if self.bound is None else f"{self.bound[0]} {self.bound[1]:.4g}"
        verdict = "" if self.bound is None else ("MISSED" if self.missed else "kept")
        return (
            self.benchmark,
            self.quantity,
            f"{self.value:.3g} {self.unit}".strip(),
            bound,
            verdict,
        )


_HEADER = ("benchmark", "quantity", "measured", "bound", "verdict")


def print_table(measurements: Iterable[Measurement], markdown: bool) -> None:
    if markdown:
        print("| " + " | ".join(_HEADER) + " |")
        print("|---" * len(_HEADER) + "|")
        for measurement in measurements:
            print("| " + " | ".join(measurement.cells()) + " |")
        return
    table = Table(*_HEADER)
    for measurement in measurements:
        table.add_row(*measurement.cells(), style="red" if measurement.missed else None)
    Console().print(table)
