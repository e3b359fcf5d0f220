"""Segments and discs as small 8-bit images, drawn once and pasted ever after.

A segment depends only on its direction, and only few directions occur: the integer degrees of
first segments and the directions from a pivot to the integer points of a circle about it. Drawing
them all beforehand is what makes generation fast. Values are 0..255 for 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import grey_dilation

from common.data.pathfinder.parameters import PathfinderParameters
from common.data.portable import TWO_PI, atan2_turns, cos_turns, sin_turns

DEGREES = 360


@dataclass(frozen=True)
class SegmentStamps:
    """All segments of one margin. A ("angles") = 360 integer degrees from -180, then P reversed
    circle points.

    Attributes:
        lines: (A, n, n) uint8, centred on the point the segment starts from.
        masks: (A, n, n) uint8, the line grown by the margin.
        half: n = 2 half + 1.
        circle: (P, 2) integer (y, x) offsets from a pivot to the possible heads.
        circle_angles: (P,) their directions, turns.
        core: (360, M, 2) offsets at which a first segment's mask is exactly 1, filled up with
            repeats.
    """

    lines: np.ndarray
    masks: np.ndarray
    half: int
    circle: np.ndarray
    circle_angles: np.ndarray
    core: np.ndarray


def directions(turns: np.ndarray | float) -> np.ndarray:
    """(..., 2) unit vectors (y, x)."""
    return np.stack([sin_turns(turns), cos_turns(turns)], axis=-1)


def translate(points: np.ndarray, turns: np.ndarray | float, distance: float) -> np.ndarray:
    """(..., 2) integer (y, x): the points moved by `distance` in direction `turns`, rounded up.

    The rounding up is the original's. Rounding to nine digits first lets a sum that is whole but
    for the last bits of sine and cosine count as whole.
    """
    return np.ceil(np.round(points + directions(turns) * distance, 9)).astype(np.int64)


@lru_cache(maxsize=8)
def segment_stamps(p: PathfinderParameters, margin: int) -> SegmentStamps:
    """Draw all segments of one margin."""
    circle = circle_points(p.paddle_length + margin)
    circle_angles = atan2_turns(circle[:, 0], circle[:, 1])
    degrees = (np.arange(DEGREES) - 180) / DEGREES
    half = p.paddle_length + ceil(p.paddle_thickness) + margin
    drawn = [_draw(angle, half, margin, p) for angle in (*degrees, *(circle_angles + 0.5))]
    masks = np.stack([mask for _, mask in drawn])
    return SegmentStamps(
        lines=np.stack([line for line, _ in drawn]),
        masks=masks,
        half=half,
        circle=circle,
        circle_angles=circle_angles,
        core=_cores(masks[:DEGREES], half, p.paddle_length + margin),
    )


def circle_points(radius: int) -> np.ndarray:
    """Distinct integer (y, x) offsets of a circle sampled every pixel of arc, rounded down (the
    original truncates absolute coordinates, which are positive)."""
    arc = TWO_PI * radius
    offsets = radius * directions(np.arange(ceil(arc)) / arc)
    return np.unique(np.floor(np.round(offsets, 9)).astype(np.int64), axis=0)


def disc_offsets(radius: int) -> np.ndarray:
    """(D, 2) integer offsets no farther than `radius`."""
    grid = np.stack(np.mgrid[-radius : radius + 1, -radius : radius + 1], axis=-1).reshape(-1, 2)
    return grid[(grid**2).sum(axis=1) <= radius**2]


def disc_window(
    center: np.ndarray, p: PathfinderParameters
) -> tuple[slice, slice, np.ndarray]:  # fmt: skip
    """Where on the canvas a marker lies, and its 8-bit image there."""
    reach = ceil(p.marker_radius) + 5  # beyond the Lanczos kernel's 3 pixels nothing is left
    low = np.maximum(center - reach, 0)
    high = np.minimum(center + reach + 1, p.resolution)
    image = _disc(
        *map(int, center - low), *map(int, high - low), p.marker_radius, p.antialias_scale
    )
    return slice(low[0], high[0]), slice(low[1], high[1]), image


@lru_cache(maxsize=4096)
def _disc(y: int, x: int, height: int, width: int, radius: float, aa: int) -> np.ndarray:
    rows, columns = np.mgrid[: height * aa, : width * aa]
    inside = (rows - y * aa) ** 2 + (columns - x * aa) ** 2 <= (radius * aa) ** 2
    return _shrink(inside * np.uint8(255), width, height)


def _draw(
    angle: float, half: int, margin: int, p: PathfinderParameters
) -> tuple[np.ndarray, np.ndarray]:
    """Line and mask (2 half + 1)^2 uint8 of a segment from the centre in direction `angle`."""
    aa = p.antialias_scale
    side = 2 * half * aa + 1
    start = np.array([half * aa, half * aa])
    end = translate(start, angle, p.paddle_length * aa)
    canvas = Image.new("L", (side, side))
    ImageDraw.Draw(canvas).line(
        [(int(start[1]), int(start[0])), (int(end[1]), int(end[0]))],
        fill=255,
        width=round(p.paddle_thickness * aa),
    )
    line = np.asarray(canvas)
    disc = np.zeros((2 * margin * aa + 1,) * 2, dtype=bool)
    disc[tuple((disc_offsets(margin * aa) + margin * aa).T)] = True
    mask = grey_dilation(line, footprint=disc, mode="constant", cval=0)
    n = 2 * half + 1
    return _shrink(line, n, n), _shrink(mask, n, n)


def _shrink(fine: np.ndarray, width: int, height: int) -> np.ndarray:
    resized = Image.fromarray(fine.astype(np.uint8)).resize(
        (width, height), Image.Resampling.LANCZOS
    )
    return np.asarray(resized)


def _cores(masks: np.ndarray, half: int, reach: int) -> np.ndarray:
    """Structures that dilate a mask to find free places for a first segment.

    The original draws the segment from (reach + 1, reach + 1) in a window centred on (reach,
    reach), casts it to integer (so that only full values count) and clips it to the window.
    """
    cores = []
    for mask in masks:
        offsets = np.argwhere(mask == 255) - half + 1
        offsets = offsets[(np.abs(offsets) <= reach).all(axis=1)]
        cores.append(offsets)
    longest = max(map(len, cores))
    return np.stack([core[np.arange(longest) % len(core)] for core in cores])
