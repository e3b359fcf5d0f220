"""Masks of many attempts, and what can be pasted on or read from them at once.

Shapes: K lanes (attempts); canvases (K, S, S) uint8 have a frame of `pad` pixels, so that no window
leaves them; what lies in the frame is not on the image and stays 0.
"""

from __future__ import annotations

import numpy as np

from common.data.pathfinder.parameters import PathfinderParameters
from common.data.pathfinder.stamps import DEGREES, disc_offsets, segment_stamps

OVERLAP = 459  # 1.8 in units of 1/255: the sum of masks at which two segments collide
FREE = 76  # .3 likewise: a pixel is free if ceil(mask - .3) = 0


class Canvas:
    """Geometry shared by all lanes of one margin.

    Attributes:
        p: parameters.
        margin: free space about a segment.
        stamps: all segments.
        pad: width of the frame.
        side: S = R + 2 pad.
        inside: (S * S) uint8, 1 on the image.
    """

    def __init__(self, p: PathfinderParameters, margin: int) -> None:
        self.p = p
        self.margin = margin
        self.stamps = segment_stamps(p, margin)
        reach = p.paddle_length + margin
        self.pad = max(self.stamps.half, 2 * reach + 2 + margin)
        self.side = p.resolution + 2 * self.pad
        inside = np.zeros((self.side, self.side), dtype=np.uint8)
        inside[self.pad : -self.pad, self.pad : -self.pad] = 1
        self.inside = inside.ravel()
        # flat offsets of a stamp's pixels (n * n), and of the margin's discs at the circle (P, D)
        window = np.arange(-self.stamps.half, self.stamps.half + 1)
        self._window = (window[:, None] * self.side + window).ravel()
        near = self.stamps.circle[:, None] + disc_offsets(margin)
        self._near = near[..., 0] * self.side + near[..., 1]
        self._tails = self._first_tails()

    def empty_masks(self, k: int, border: int) -> np.ndarray:
        """(k, S, S): 0 with a border of 255 on the image's edge."""
        masks = np.zeros((k, self.side, self.side), dtype=np.uint8)
        return self.with_border(masks, border)

    def with_border(self, masks: np.ndarray, border: int) -> np.ndarray:
        """Copy with `border` pixels at the image's edge set to 255."""
        low, high = self.pad + border, self.side - self.pad - border
        edge = self.inside.reshape(self.side, self.side).astype(bool)
        edge[low:high, low:high] = False
        masks = masks.copy()
        masks[:, edge] = 255
        return masks

    def crop(self, canvases: np.ndarray) -> np.ndarray:
        """(K, R, R) the image without its frame."""
        return canvases[:, self.pad : -self.pad, self.pad : -self.pad]

    def paste(
        self, canvases: np.ndarray, lanes: np.ndarray, starts: np.ndarray, stamps: np.ndarray
    ) -> None:
        """canvas = max(canvas, stamp at start), clipped to the image; in place.

        Args:
            canvases: (K, S, S) uint8, contiguous.
            lanes: (J,) distinct canvases to paste on.
            starts: (J, 2).
            stamps: (J, n, n) uint8.
        """
        index, clipped = self._placed(lanes, starts, stamps)
        flat = canvases.reshape(-1)
        flat[index] = np.maximum(flat[index], clipped)

    def collides(
        self, masks: np.ndarray, lanes: np.ndarray, starts: np.ndarray, stamps: np.ndarray
    ) -> np.ndarray:
        """(J,) whether max(mask + segment mask) reaches 1.8; arguments as in `paste`."""
        index, clipped = self._placed(lanes, starts, stamps)
        total = masks.reshape(-1)[index].astype(np.uint16) + clipped
        return total.max(axis=1) >= OVERLAP

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether integer points (..., 2) are on the image."""
        return ((points >= 0) & (points < self.p.resolution)).all(axis=-1)

    def free_space(
        self, masks: np.ndarray, lanes: np.ndarray, pivots: np.ndarray, points: np.ndarray
    ) -> np.ndarray:
        """(J,) 1 minus the mask dilated by the margin's disc, at one circle point about each
        pivot; 0 off the image.

        Args:
            masks: (K, S, S) uint8.
            lanes: (J,) which mask.
            pivots: (J, 2).
            points: (J,) indices of circle points.
        """
        reach = self.p.paddle_length + self.margin
        # a pivot farther out than this has no circle point on the image
        clipped = np.clip(pivots, -reach - 1, self.p.resolution + reach)
        index = (lanes * self.side**2 + self._local(clipped))[:, None] + self._near[points]
        dilated = masks.reshape(-1)[index].max(axis=1)
        on_image = self.contains(pivots + self.stamps.circle[points])
        return np.where(on_image, 1 - dilated / 255, 0.0)

    def first_tails(self, degree: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tail of the first segment of a pair, and whether there is one.

        Args:
            degree: (K,) index of its direction.
            u: (K,) uniform on [0, 1).
        """
        tails, counts = self._tails
        count = counts[degree]
        choice = np.minimum((u * count).astype(np.int64), np.maximum(count - 1, 0))
        return tails[degree, choice], count > 0

    def free_tails(self, mask: np.ndarray, degree: int) -> np.ndarray:
        """(T, 2) pixels from which a segment in direction `degree` meets only free pixels of the
        (S, S) mask. Pixels off the image do not count, but a place that meets nothing on the image
        is not free either (a dilation has no value there)."""
        occupied = mask > FREE
        inside = self.inside.reshape(mask.shape).astype(bool)
        low, high = self.pad, self.side - self.pad
        met = np.zeros((self.p.resolution,) * 2, dtype=bool)
        blocked = np.zeros_like(met)
        for dy, dx in np.unique(self.stamps.core[degree], axis=0):
            part = (slice(low + dy, high + dy), slice(low + dx, high + dx))
            blocked |= occupied[part]
            met |= inside[part]
        return np.argwhere(met & ~blocked)

    def blocked_tails(self, masks: np.ndarray, degree: np.ndarray, tails: np.ndarray) -> np.ndarray:
        """(K, C) whether candidate tails (K, C, 2) are not free for directions (K,)."""
        core = self.stamps.core[degree]
        offsets = (core[..., 0] * self.side + core[..., 1])[:, None]
        lane = np.arange(len(masks))[:, None] * self.side**2
        flat = self._local(tails)
        met = self.inside[flat[..., None] + offsets].any(axis=2)
        occupied = masks.reshape(-1)[(lane + flat)[..., None] + offsets] > FREE
        return occupied.any(axis=2) | ~met

    def _first_tails(self) -> tuple[np.ndarray, np.ndarray]:
        mask = self.empty_masks(1, max(self.p.padding, 2 * self.p.seed_distance))[0]
        found = [self.free_tails(mask, degree) for degree in range(DEGREES)]
        counts = np.array(list(map(len, found)))
        tails = np.zeros((DEGREES, max(1, counts.max()), 2), dtype=np.int64)
        for degree, free in enumerate(found):
            tails[degree, : len(free)] = free
        return tails, counts

    def _placed(
        self, lanes: np.ndarray, starts: np.ndarray, stamps: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(J, n * n) flat indices of the windows, and the stamps without what is off the image."""
        local = self._local(starts)[:, None] + self._window
        clipped = stamps.reshape(local.shape) * self.inside[local]
        return local + (lanes * self.side**2)[:, None], clipped

    def _local(self, points: np.ndarray) -> np.ndarray:
        """Flat index on one canvas."""
        return (points[..., 0] + self.pad) * self.side + points[..., 1] + self.pad
