"""Grow dashed paths, many attempts side by side.

Most attempts fail (at LRA's setting about 55 of 56), and all attempts are independent draws of one
law, so they are made in lockstep, one numpy call for a step of all of them, and the successes are
dealt out to the images in order: the same law as restarting image by image.

Shapes: K attempts ("lanes"), each with a mask (K, S, S) uint8; see `canvas`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from common.data.draws import uniform, uniform_integers
from common.data.pathfinder.canvas import FREE, Canvas
from common.data.pathfinder.stamps import DEGREES, directions, translate
from common.data.portable import cos_turns

_LEAST_WEIGHT = 1e-4
_LEAST_FREE_SHARE = 0.01
_TAIL_CANDIDATES = 32


# (number, lanes) -> direction index, tail, and whether there is a tail
Draw = Callable[[int, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Segments:
    """Segments in order: starts (K, n, 2) integer (y, x), and stamps (K, n)."""

    starts: np.ndarray
    stamps: np.ndarray

    def __getitem__(self, lanes: np.ndarray) -> Segments:
        return Segments(self.starts[lanes], self.stamps[lanes])

    def append(self, start: np.ndarray, stamp: np.ndarray) -> Segments:
        """With one more segment a lane."""
        return Segments(
            np.concatenate([self.starts, start[:, None]], axis=1),
            np.concatenate([self.stamps, stamp[:, None]], axis=1),
        )


@dataclass(frozen=True)
class Snakes:
    """One growing path a lane.

    Attributes:
        pivot: (K, 2) last pivot.
        theta: (K,) last direction, turns.
        segments: all so far; the newest is not in the mask yet.
        head: (K, 2) where the newest segment ends that an extension would continue.
    """

    pivot: np.ndarray
    theta: np.ndarray
    segments: Segments
    head: np.ndarray

    def __getitem__(self, lanes: np.ndarray) -> Snakes:
        return Snakes(self.pivot[lanes], self.theta[lanes], self.segments[lanes], self.head[lanes])


def seed_pairs(
    rng: np.random.Generator, canvas: Canvas, k: int
) -> tuple[tuple[Snakes, Snakes], np.ndarray]:
    """First segments of both target paths, and which of the k lanes succeeded."""
    p = canvas.p

    def first(n: int, _lanes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        degree = uniform_integers(rng, 0, DEGREES - 1, n)
        tail, found = canvas.first_tails(degree, uniform(rng, n))
        return degree, tail, found

    one, ok_one = _seed_until_inside(canvas, first, k)

    def second(n: int, lanes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        around = uniform_integers(rng, 0, DEGREES - 1, n) / DEGREES
        step = p.seed_distance * directions(around)
        tail = np.round(np.round(one.segments.starts[lanes, 0] + step, 9)).astype(np.int64)
        return uniform_integers(rng, 0, DEGREES - 1, n), tail, np.ones(n, dtype=bool)

    two, ok_two = _seed_until_inside(canvas, second, k)
    return (one, two), ok_one & ok_two


def extend(
    rng: np.random.Generator, canvas: Canvas, masks: np.ndarray, lanes: np.ndarray, snakes: Snakes
) -> tuple[np.ndarray, Snakes]:
    """One more segment for every snake; the masks gain the segment BEFORE it, in place.

    Args:
        rng: source of chance.
        canvas: geometry.
        masks: (K, S, S).
        lanes: (J,) the mask of each snake.
        snakes: J snakes.

    Returns:
        Rows of the snakes that could be extended, and these snakes.
    """
    p, stamps = canvas.p, canvas.stamps
    pivot = translate(snakes.pivot, snakes.theta, p.paddle_length + 2 * canvas.margin)
    weights = _weights(canvas, masks, lanes, pivot, snakes.theta)
    cumulative = np.cumsum(weights, axis=1)
    pending = np.flatnonzero(cumulative[:, -1] >= _LEAST_WEIGHT)
    choice = np.full(len(pivot), -1)
    for _ in range(p.max_paddle_retrial + 1):
        if len(pending) == 0:
            break
        threshold = uniform(rng, len(pending)) * cumulative[pending, -1]
        chosen = (cumulative[pending] > threshold[:, None]).argmax(axis=1)
        heads = pivot[pending] + stamps.circle[chosen]
        masks_of_heads = stamps.masks[DEGREES + chosen]
        collided = canvas.collides(masks, lanes[pending], heads, masks_of_heads)
        choice[pending[~collided]] = chosen[~collided]
        pending = pending[collided]
    rows = np.flatnonzero(choice >= 0)
    snakes, choice, pivot = snakes[rows], choice[rows], pivot[rows]
    _add_newest(canvas, masks, lanes[rows], snakes)
    head = pivot + stamps.circle[choice]
    segments = snakes.segments.append(head, DEGREES + choice)
    return rows, Snakes(pivot, stamps.circle_angles[choice], segments, head)


def target_pairs(
    rng: np.random.Generator, canvas: Canvas, k: int
) -> tuple[np.ndarray, tuple[Snakes, Snakes]]:
    """The successes among k attempts at two paths of `contour_length` segments, with their masks
    (all segments included)."""
    pair, ok = seed_pairs(rng, canvas, k)
    one, two = pair[0][ok], pair[1][ok]
    masks = canvas.empty_masks(len(one.theta), canvas.p.padding)
    lanes = np.arange(len(masks))
    for _ in range(canvas.p.contour_length - 1):
        rows, one = extend(rng, canvas, masks, lanes, one)
        lanes, two = lanes[rows], two[rows]
        rows, two = extend(rng, canvas, masks, lanes, two)
        lanes, one = lanes[rows], one[rows]
    _add_newest(canvas, masks, lanes, one)
    _add_newest(canvas, masks, lanes, two)
    return masks[lanes], (one, two)


def distractor(
    rng: np.random.Generator, canvas: Canvas, masks: np.ndarray
) -> tuple[np.ndarray, np.ndarray, Segments]:
    """One attempt a lane at one distractor path.

    Returns:
        Lanes that succeeded, their new masks and segments.
    """
    snakes, ok = _seed_single(rng, canvas, masks)
    succeeded, snakes = np.flatnonzero(ok), snakes[ok]
    grown = masks[succeeded]
    lanes = np.arange(len(grown))
    for _ in range(canvas.p.distractor_length - 1):
        rows, snakes = extend(rng, canvas, grown, lanes, snakes)
        lanes = lanes[rows]
    _add_newest(canvas, grown, lanes, snakes)
    return succeeded[lanes], grown[lanes], snakes.segments


def _weights(
    canvas: Canvas, masks: np.ndarray, lanes: np.ndarray, pivot: np.ndarray, theta: np.ndarray
) -> np.ndarray:
    """(J, P) how likely each circle point is as next head: straight on, and where it is free."""
    turn = np.abs(canvas.stamps.circle_angles - theta[:, None]) % 1
    turn = canvas.p.continuity * np.minimum(turn, 1 - turn)
    weights = np.zeros_like(turn)
    rows, points = np.nonzero(turn < 0.25)
    if len(rows):
        free = canvas.free_space(masks, lanes[rows], pivot[rows], points)
        weights[rows, points] = np.square(cos_turns(turn[rows, points])) * free
    return weights


def _seed_single(
    rng: np.random.Generator, canvas: Canvas, masks: np.ndarray
) -> tuple[Snakes, np.ndarray]:
    masks = canvas.with_border(masks, 1)
    resolution = canvas.p.resolution
    roomy = (canvas.crop(masks) <= FREE).mean(axis=(1, 2)) >= _LEAST_FREE_SHARE

    def draw(n: int, lanes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        degree = uniform_integers(rng, 0, DEGREES - 1, n)
        # Uniform over free pixels, mostly without finding them all: the first free one of some
        # uniform candidates; where none of those is free, one of all that are.
        candidates = uniform_integers(rng, 0, resolution - 1, n * _TAIL_CANDIDATES * 2)
        candidates = candidates.reshape(n, _TAIL_CANDIDATES, 2)
        free = ~canvas.blocked_tails(masks[lanes], degree, candidates)
        found = free.any(axis=1)
        tail = candidates[np.arange(n), free.argmax(axis=1)]
        u = uniform(rng, n)
        for row in np.flatnonzero(~found):
            all_free = canvas.free_tails(masks[lanes[row]], int(degree[row]))
            if len(all_free):
                tail[row] = all_free[int(u[row] * len(all_free))]
                found[row] = True
        return degree, tail, found & roomy[lanes]

    return _seed_until_inside(canvas, draw, len(masks))


def _seed_until_inside(canvas: Canvas, draw: Draw, k: int) -> tuple[Snakes, np.ndarray]:
    """First segments; drawn again where head or pivot lies off the image."""
    p = canvas.p
    degree = np.zeros(k, dtype=np.int64)
    tail = np.zeros((k, 2), dtype=np.int64)
    ok = np.zeros(k, dtype=bool)
    pending = np.arange(k)
    for _ in range(p.max_paddle_retrial + 1):
        degree[pending], tail[pending], found = draw(len(pending), pending)
        snakes = _first_segment(canvas, degree, tail)
        inside = canvas.contains(snakes.head) & canvas.contains(snakes.pivot)
        ok[pending] = found & inside[pending]
        pending = pending[found & ~inside[pending]]
        if len(pending) == 0:
            break
    return _first_segment(canvas, degree, tail), ok


def _first_segment(canvas: Canvas, degree: np.ndarray, tail: np.ndarray) -> Snakes:
    theta = (degree - 180) / DEGREES
    head = translate(tail, theta, canvas.p.paddle_length)
    pivot = translate(head, theta + 0.5, canvas.p.paddle_length + canvas.margin)
    return Snakes(pivot, theta, Segments(tail[:, None], degree[:, None]), head)


def _add_newest(canvas: Canvas, masks: np.ndarray, lanes: np.ndarray, snakes: Snakes) -> None:
    starts, stamps = snakes.segments.starts[:, -1], snakes.segments.stamps[:, -1]
    canvas.paste(masks, lanes, starts, canvas.stamps.masks[stamps])
