"""Figures without a screen; matplotlib is in the extra ``plot`` and imported when asked for."""

from __future__ import annotations

from pathlib import Path

from common.errors import UserError


def require_matplotlib() -> None:
    """Raises UserError naming the extra if matplotlib is absent."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(
            "Figures need matplotlib: pip install 'structlab[plot]', or set task.figures=false."
        ) from error


def pyplot():
    """matplotlib.pyplot, drawing to files.

    Raises:
        UserError: matplotlib is absent.
    """
    require_matplotlib()
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "structlab"  # ids that do not change from draw to draw
    from matplotlib import pyplot as plt

    return plt


def save(figure, folder: Path, name: str, dpi: int = 150) -> None:
    """Write ``<name>.png`` and ``<name>.svg``, the same bytes for the same figure, and close it."""
    figure.tight_layout()
    folder.mkdir(parents=True, exist_ok=True)
    for suffix in ("png", "svg"):
        # A date inside the file would make every redraw a difference.
        metadata = {"Date": None} if suffix == "svg" else None
        figure.savefig(folder / f"{name}.{suffix}", dpi=dpi, metadata=metadata)
    pyplot().close(figure)
