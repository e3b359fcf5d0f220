"""The published parameters by resolution, and a spec with all its blanks filled in."""

from __future__ import annotations

from dataclasses import dataclass, fields

from common.data.specs.pathfinder import PathfinderSpec
from common.errors import UserError

# LRA's generation scripts for 32, 128 (Path-X) and 256; contrast lists have one entry there.
_PUBLISHED = {
    32: {
        "paddle_length": 2,
        "paddle_thickness": 0.5,
        "paddle_margin_min": 1,
        "paddle_margin_max": 1,
        "marker_radius": 1.5,
        "seed_distance": 7,
        "continuity": 1.0,
        "snake_contrast": 2.0,
        "paddle_contrast": 0.75,
    },
    128: {
        "paddle_length": 5,
        "paddle_thickness": 1.5,
        "paddle_margin_min": 2,
        "paddle_margin_max": 3,
        "marker_radius": 3.0,
        "seed_distance": 20,
        "continuity": 1.8,
        "snake_contrast": 0.9,
        "paddle_contrast": 1.0,
    },
    256: {
        "paddle_length": 5,
        "paddle_thickness": 2.0,
        "paddle_margin_min": 3,
        "paddle_margin_max": 3,
        "marker_radius": 5.0,
        "seed_distance": 20,
        "continuity": 1.8,
        "snake_contrast": 1.0,
        "paddle_contrast": 1.0,
    },
}
_PUBLISHED[64] = _PUBLISHED[128]  # no published setting; a smaller Path-X

# distractor segments per image by resolution, shared out over snakes of a third of the contour
_DISTRACTOR_SEGMENTS = {32: 20, 64: 35, 128: 35, 256: 30}


@dataclass(frozen=True)
class PathfinderParameters:
    """What decides an image besides chance; fields as in `PathfinderSpec`."""

    resolution: int
    contour_length: int
    distractor_snakes: int
    distractor_length: int
    paddle_length: int
    paddle_thickness: float
    paddle_margin_min: int
    paddle_margin_max: int
    marker_radius: float
    seed_distance: int
    continuity: float
    antialias_scale: int
    snake_contrast: float
    paddle_contrast: float
    padding: int
    max_paddle_retrial: int
    max_distractor_contour_retrial: int


def parameters(spec: PathfinderSpec) -> PathfinderParameters:
    """The spec with every None replaced by the published value for its resolution.

    Raises:
        UserError: for values that cannot go together.
    """
    values = {field.name: getattr(spec, field.name) for field in fields(PathfinderParameters)}
    defaults = dict(_PUBLISHED[spec.resolution])
    length = values["distractor_length"] or max(1, spec.contour_length // 3)
    defaults["distractor_length"] = length
    # At 128 the script divides 35 / (14 / 3): as integers or not, its loop draws 8 snakes.
    defaults["distractor_snakes"] = _DISTRACTOR_SEGMENTS[spec.resolution] // length
    for name, default in defaults.items():
        if values[name] is None:
            values[name] = default
    filled = PathfinderParameters(**values)
    _check(filled)
    return filled


def _check(p: PathfinderParameters) -> None:
    if p.paddle_margin_min > p.paddle_margin_max:
        raise UserError(
            f"PathfinderSpec.paddle_margin_min is {p.paddle_margin_min}; allowed: at most "
            f"paddle_margin_max = {p.paddle_margin_max}."
        )
    fine_thickness = p.paddle_thickness * p.antialias_scale
    if fine_thickness < 1 or fine_thickness != int(fine_thickness):
        raise UserError(
            f"PathfinderSpec.paddle_thickness is {p.paddle_thickness}; allowed: positive multiples "
            f"of 1 / antialias_scale = {1 / p.antialias_scale}."
        )
    room = p.resolution - 4 * p.seed_distance
    needed = p.paddle_length + p.paddle_margin_max + 1
    if room < 1 or p.resolution < 4 * needed:
        raise UserError(
            f"PathfinderSpec: at resolution {p.resolution} a border of 2 * seed_distance = "
            f"{2 * p.seed_distance} pixels leaves no room for the first segment. Lower "
            "seed_distance or raise the resolution."
        )
