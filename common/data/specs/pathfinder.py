"""Pathfinder and Path-X."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from common.data.specs.base import require_at_least, require_choice


@dataclass
class PathfinderSpec:
    """Do two discs sit on the same dashed path? See `common.data.pathfinder`.

    A field that is None takes the published value for the resolution
    (`common.data.pathfinder.parameters`). The defaults are LRA Pathfinder; Path-X is
    `resolution=128`. 64 takes the parameters of 128.

    Attributes:
        resolution: side of the square image: 32, 64, 128 or 256.
        contour_length: segments of each target path (14 is LRA's "hard").
        distractor_snakes: distractor paths to try; 0 draws none.
        distractor_length: segments of a distractor path.
        paddle_length: length of a segment in pixels.
        paddle_thickness: its thickness.
        paddle_margin_min: smallest free space about a segment; drawn uniformly per image.
        paddle_margin_max: largest free space about a segment.
        marker_radius: radius of the discs.
        seed_distance: distance of the first segments of the two paths.
        continuity: how straight a path is (larger is straighter).
        antialias_scale: fine grid points per pixel when drawing.
        snake_contrast: contrast of a path.
        paddle_contrast: further factor for the segments of the two target paths.
        padding: width of the border no segment may touch.
        max_paddle_retrial: further draws for a rejected segment.
        max_distractor_contour_retrial: further draws for a failed distractor path.
        train: number of images, disjoint samples of one seeded stream.
        val: see `train`.
        test: see `train`.
        seed: decides the images.
        split_seed: seed of torch's random_split over the samples, 42 in the field.
    """

    LOADER: ClassVar[str] = "common.data.pathfinder.dataset"

    resolution: int = 32
    contour_length: int = 14
    distractor_snakes: int | None = None
    distractor_length: int | None = None
    paddle_length: int | None = None
    paddle_thickness: float | None = None
    paddle_margin_min: int | None = None
    paddle_margin_max: int | None = None
    marker_radius: float | None = None
    seed_distance: int | None = None
    continuity: float | None = None
    antialias_scale: int = 2
    snake_contrast: float | None = None
    paddle_contrast: float | None = None
    padding: int = 1
    max_paddle_retrial: int = 2
    max_distractor_contour_retrial: int = 4
    train: int = 160_000
    val: int = 20_000
    test: int = 20_000
    seed: int = 0
    split_seed: int = 42

    def validate(self) -> None:
        """Raise UserError for settings under which no such set exists."""
        require_choice(self, "resolution", (32, 64, 128, 256))
        require_at_least(
            self, 1, "contour_length", "distractor_length", "paddle_length", "paddle_margin_min",
            "paddle_margin_max", "marker_radius", "seed_distance", "antialias_scale", "train",
            "test",
        )  # fmt: skip
        require_at_least(
            self, 0, "distractor_snakes", "continuity", "snake_contrast", "paddle_contrast",
            "padding", "max_paddle_retrial", "max_distractor_contour_retrial", "val", "seed",
            "split_seed",
        )  # fmt: skip
