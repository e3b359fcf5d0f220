"""Compose images: two target paths, distractors, two discs; render them as 8-bit pictures."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from common.data.blocks import block_rng
from common.data.draws import uniform_integers
from common.data.pathfinder.canvas import Canvas
from common.data.pathfinder.contours import Segments, distractor, target_pairs
from common.data.pathfinder.parameters import PathfinderParameters
from common.data.pathfinder.stamps import disc_window
from common.data.prepared import Arrays
from common.errors import UserError

_MOST_ATTEMPTS_AT_ONCE = 1024
_HOPELESS_AFTER = 200_000


@dataclass(frozen=True)
class Scenes:
    """N scenes of one margin, before they become pixels.

    Attributes:
        labels: (N,) 1 if both discs sit on the same path.
        origins: (N,) index 0 or 1 of the target path with the first disc.
        targets: the two target paths.
        distractors: for each distractor path, the scenes that have it and its segments.
        discs: (N, 2, 2) integer (y, x) of the two discs.
        attempts: pairs tried, successes included.
    """

    labels: np.ndarray
    origins: np.ndarray
    targets: tuple[Segments, Segments]
    distractors: list[tuple[np.ndarray, Segments]]
    discs: np.ndarray
    attempts: int


def pathfinder_block(block: int, *, size: int, seed: int, p: PathfinderParameters) -> Arrays:
    """Images of the stream (seed, block): images (size, R, R) uint8, labels (size,) uint8."""
    rng = block_rng(seed, block)
    margins = uniform_integers(rng, p.paddle_margin_min, p.paddle_margin_max, size)
    images = np.empty((size, p.resolution, p.resolution), dtype=np.uint8)
    labels = np.empty(size, dtype=np.uint8)
    for margin in range(p.paddle_margin_min, p.paddle_margin_max + 1):
        rows = np.flatnonzero(margins == margin)
        if len(rows):
            canvas = Canvas(p, margin)
            scenes = compose(rng, canvas, len(rows))
            images[rows] = render(canvas, scenes)
            labels[rows] = scenes.labels
    return {"images": images, "labels": labels}


def compose(rng: np.random.Generator, canvas: Canvas, n: int) -> Scenes:
    """n scenes of one margin.

    Raises:
        UserError: if the paths hardly ever fit.
    """
    origins = uniform_integers(rng, 0, 1, n)
    labels = uniform_integers(rng, 0, 1, n)
    masks, targets, tips, attempts = _targets(rng, canvas, n)
    distractors = []
    for _ in range(canvas.p.distractor_snakes):
        distractors += _one_distractor(rng, canvas, masks)
    rows = np.arange(n)
    terminals = np.where(labels == 1, origins, 1 - origins)
    discs = np.stack([tips[rows, origins, 0], tips[rows, terminals, 1]], axis=1)
    return Scenes(labels, origins, targets, distractors, discs, attempts)


def render(canvas: Canvas, scenes: Scenes) -> np.ndarray:
    """(N, R, R) uint8, each image stretched to 0..255 as the original's saver does.

    The target paths have contrast paddle_contrast * snake_contrast, the distractors snake_contrast
    alone: at 32 x 32 the targets are the dimmer ones.
    """
    p = canvas.p
    everyone = np.arange(len(scenes.labels))
    lines = canvas.empty_masks(len(everyone), 0)
    for segments in scenes.targets:
        _draw(canvas, lines, everyone, segments)
    images = canvas.crop(lines) / 255 * (p.paddle_contrast * p.snake_contrast)
    if scenes.distractors:
        lines = canvas.empty_masks(len(everyone), 0)
        for lanes, segments in scenes.distractors:
            _draw(canvas, lines, lanes, segments)
        images = np.maximum(images, canvas.crop(lines) / 255 * p.snake_contrast)
    for image, discs in zip(images, scenes.discs, strict=True):
        for disc in discs:
            rows, columns, stamp = disc_window(disc, p)
            image[rows, columns] = np.maximum(image[rows, columns], stamp / 255)
    low = images.min(axis=(1, 2), keepdims=True)
    high = images.max(axis=(1, 2), keepdims=True)
    return ((images - low) * (255 / (high - low)) + 0.5).astype(np.uint8)


def _targets(
    rng: np.random.Generator, canvas: Canvas, n: int
) -> tuple[np.ndarray, tuple[Segments, Segments], np.ndarray, int]:
    """Masks (n, S, S), the paths, their tips (n, 2 paths, 2 ends, 2) and the attempts made."""
    found: list[tuple[np.ndarray, ...]] = []
    successes, attempts, batch = 0, 0, 2 * n
    while successes < n:
        batch = min(batch, _MOST_ATTEMPTS_AT_ONCE)
        masks, (one, two) = target_pairs(rng, canvas, batch)
        attempts += batch
        successes += len(masks)
        tips = np.stack([np.stack([s.segments.starts[:, 0], s.head], 1) for s in (one, two)], 1)
        found.append(
            (masks, one.segments.starts, one.segments.stamps, two.segments.starts,
             two.segments.stamps, tips)
        )  # fmt: skip
        if successes == 0 and attempts >= _HOPELESS_AFTER:
            raise UserError(
                f"None of {attempts} attempts fitted two paths of {canvas.p.contour_length} "
                f"segments on {canvas.p.resolution} x {canvas.p.resolution} pixels. Lower "
                "contour_length or raise the resolution."
            )
        rate = max(successes, 1) / attempts
        batch = 16 + ceil(1.1 * (n - successes) / rate)
    masks, *parts, tips = (np.concatenate(part)[:n] for part in zip(*found, strict=True))
    return masks, (Segments(*parts[:2]), Segments(*parts[2:])), tips, attempts


def _one_distractor(
    rng: np.random.Generator, canvas: Canvas, masks: np.ndarray
) -> list[tuple[np.ndarray, Segments]]:
    """Try one more distractor on every image; the masks change in place."""
    placed = []
    pending = np.arange(len(masks))
    for _ in range(canvas.p.max_distractor_contour_retrial + 1):
        succeeded, grown, segments = distractor(rng, canvas, masks[pending])
        masks[pending[succeeded]] = grown
        placed.append((pending[succeeded], segments))
        pending = np.delete(pending, succeeded)
        if len(pending) == 0:
            break
    return placed


def _draw(canvas: Canvas, lines: np.ndarray, lanes: np.ndarray, segments: Segments) -> None:
    for number in range(segments.stamps.shape[1]):
        stamps = canvas.stamps.lines[segments.stamps[:, number]]
        canvas.paste(lines, lanes, segments.starts[:, number], stamps)
