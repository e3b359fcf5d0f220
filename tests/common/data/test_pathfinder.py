from __future__ import annotations

from dataclasses import replace
from math import ceil, cos, pi, sin

import numpy as np
import pytest
from PIL import Image, ImageDraw

from common.data.blocks import block_rng
from common.data.catalogue import available, load
from common.data.loader import SequenceLoader
from common.data.pathfinder import dataset
from common.data.pathfinder.canvas import FREE, Canvas
from common.data.pathfinder.contours import Segments, target_pairs
from common.data.pathfinder.parameters import parameters
from common.data.pathfinder.scenes import compose, pathfinder_block, render
from common.data.pathfinder.stamps import DEGREES, circle_points, disc_window
from common.data.prepared import content_sha256
from common.data.specs import PathfinderSpec
from common.errors import UserError

EASY = parameters(PathfinderSpec(contour_length=6))
HARD = parameters(PathfinderSpec())
PATHX = parameters(PathfinderSpec(resolution=128))
# SHA-256 of the content: SMALL with 400 training images, and 20 hard images
PINNED = "34b1b74609d2981661d56850991b1903a6c74f653b87955a812c6d5a9b027c53"
PINNED_HARD = "64d282ecc55eae45bc67cddb5d2862597de48ac31c7944917674f877b88e4892"
SMALL = PathfinderSpec(contour_length=3, distractor_snakes=0, train=200, val=20, test=50)


@pytest.fixture(scope="module")
def easy():
    canvas = Canvas(EASY, 1)
    return canvas, compose(block_rng(3, 0), canvas, 60)


@pytest.fixture(scope="module")
def hard():
    canvas = Canvas(HARD, 1)
    return canvas, compose(block_rng(3, 0), canvas, 25)


def angle_of(canvas: Canvas, stamp: int) -> float:
    if stamp < DEGREES:
        return (stamp - 180) * pi / 180
    y, x = canvas.stamps.circle[stamp - DEGREES]
    return np.arctan2(y, x) + pi


def move(point, angle, distance):
    return (
        ceil(round(point[0] + distance * sin(angle), 9)),
        ceil(round(point[1] + distance * cos(angle), 9)),
    )


def drawn_on_whole_canvas(canvas: Canvas, start, stamp: int, *, mask: bool) -> np.ndarray:
    """A segment by the specification: fine window, Lanczos, pasted clipped; dilation by hand."""
    p, aa = canvas.p, canvas.p.antialias_scale
    half = p.paddle_length + ceil(p.paddle_thickness) + canvas.margin
    side = 2 * half * aa + 1
    image = Image.new("L", (side, side))
    end = move((half * aa, half * aa), angle_of(canvas, stamp), p.paddle_length * aa)
    ends = [(half * aa, half * aa), (end[1], end[0])]
    ImageDraw.Draw(image).line(ends, fill=255, width=round(p.paddle_thickness * aa))
    fine = np.asarray(image)
    if mask:
        grown, radius = np.zeros_like(fine), canvas.margin * aa
        for y, x in np.argwhere(fine):
            rows, columns = np.mgrid[:side, :side]
            grown[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = 255
        fine = grown
    n = 2 * half + 1
    stamp_image = np.asarray(Image.fromarray(fine).resize((n, n), Image.Resampling.LANCZOS))
    canvas_image = np.zeros((p.resolution, p.resolution))
    for y in range(n):
        for x in range(n):
            row, column = start[0] + y - half, start[1] + x - half
            if 0 <= row < p.resolution and 0 <= column < p.resolution:
                canvas_image[row, column] = stamp_image[y, x] / 255
    return canvas_image


def path(segments: Segments, scene: int) -> list[tuple[tuple[int, int], int]]:
    starts, stamps = segments.starts[scene].tolist(), segments.stamps[scene].tolist()
    return list(zip(map(tuple, starts), stamps, strict=True))


def bordered(resolution: int, width: int) -> np.ndarray:
    mask = np.ones((resolution, resolution))
    mask[width:-width, width:-width] = 0
    return mask


def test_published_parameters():
    assert (HARD.distractor_length, HARD.distractor_snakes) == (4, 5)
    assert (EASY.distractor_length, EASY.distractor_snakes) == (2, 10)
    assert (PATHX.distractor_length, PATHX.distractor_snakes) == (4, 8)
    assert (PATHX.paddle_margin_min, PATHX.paddle_margin_max, PATHX.marker_radius) == (2, 3, 3)
    assert parameters(PathfinderSpec(resolution=256)).distractor_snakes == 7


@pytest.mark.parametrize(("p", "margin"), [(HARD, 1), (PATHX, 2), (PATHX, 3)])
def test_stamps_are_the_segments_of_the_specification(p, margin):
    canvas = Canvas(p, margin)
    rng = np.random.default_rng(0)
    for stamp in rng.choice(len(canvas.stamps.lines), 12, replace=False):
        start = rng.integers(0, p.resolution, 2)
        for stamps, mask in ((canvas.stamps.lines, False), (canvas.stamps.masks, True)):
            pasted = canvas.empty_masks(1, 0)
            canvas.paste(pasted, np.array([0]), start[None], stamps[[stamp]])
            expected = drawn_on_whole_canvas(canvas, start, stamp, mask=mask)
            np.testing.assert_allclose(canvas.crop(pasted)[0] / 255, expected)
            frame = pasted.copy()
            canvas.crop(frame)[:] = 0
            assert not frame.any(), "the frame about the image must stay empty"


@pytest.mark.parametrize("scenes", ["easy", "hard"])
def test_every_image_has_two_paths_of_the_asked_length(scenes, request):
    canvas, drawn = request.getfixturevalue(scenes)
    for segments in drawn.targets:
        assert segments.stamps.shape == (len(drawn.labels), canvas.p.contour_length)


@pytest.mark.parametrize("scenes", ["easy", "hard"])
def test_replay_on_whole_canvases_accepts_every_segment(scenes, request):
    """max(mask + its mask) < 1.8 for each segment in turn, the mask lagging one segment behind;
    every head lies on the circle about its pivot, within a quarter turn."""
    canvas, drawn = request.getfixturevalue(scenes)
    p = canvas.p
    reach = p.paddle_length + canvas.margin
    for scene in range(8):
        mask = bordered(p.resolution, p.padding)
        paths = [path(segments, scene) for segments in drawn.targets]
        state = []
        for snake in paths:
            tail, stamp = snake[0]
            theta = angle_of(canvas, stamp)
            head = move(tail, theta, p.paddle_length)
            state.append((move(head, theta + pi, reach), theta))
        for number in range(1, p.contour_length):
            for index, snake in enumerate(paths):
                pivot, theta = state[index]
                pivot = move(pivot, theta, p.paddle_length + 2 * canvas.margin)
                head, stamp = snake[number]
                offset = (head[0] - pivot[0], head[1] - pivot[1])
                assert list(offset) == canvas.stamps.circle[stamp - DEGREES].tolist()
                phi = np.arctan2(*offset)
                assert p.continuity * abs((phi - theta + pi) % (2 * pi) - pi) < pi / 2
                new = drawn_on_whole_canvas(canvas, head, stamp, mask=True)
                assert (mask + new).max() < 1.8
                mask = np.maximum(
                    mask, drawn_on_whole_canvas(canvas, *snake[number - 1], mask=True)
                )
                state[index] = (pivot, phi)
        for snake in paths:
            mask = np.maximum(mask, drawn_on_whole_canvas(canvas, *snake[-1], mask=True))
        for lanes, segments in drawn.distractors:
            for row in np.flatnonzero(lanes == scene):
                snake = path(segments, row)
                for number in range(1, p.distractor_length):
                    new = drawn_on_whole_canvas(canvas, *snake[number], mask=True)
                    assert (mask + new).max() < 1.8
                    old = drawn_on_whole_canvas(canvas, *snake[number - 1], mask=True)
                    mask = np.maximum(mask, old)
                mask = np.maximum(mask, drawn_on_whole_canvas(canvas, *snake[-1], mask=True))


def test_discs_lie_on_tips(easy):
    _canvas, drawn = easy
    for scene, (label, origin) in enumerate(zip(drawn.labels, drawn.origins, strict=True)):
        first, last = drawn.discs[scene].tolist()
        assert first == drawn.targets[origin].starts[scene, 0].tolist()
        terminal = origin if label else 1 - origin
        assert last == drawn.targets[terminal].starts[scene, -1].tolist()


def test_images_by_hand(easy):
    """Contrasts 1.5 for targets and 2 for distractors, discs at 1, then min-max to 0..255."""
    canvas, drawn = easy
    images = render(canvas, drawn)
    for scene in range(4):
        expected = np.zeros((32, 32))
        for segments in drawn.targets:
            for start, stamp in path(segments, scene):
                line = drawn_on_whole_canvas(canvas, start, stamp, mask=False)
                expected = np.maximum(expected, 1.5 * line)
        for lanes, segments in drawn.distractors:
            for row in np.flatnonzero(lanes == scene):
                for start, stamp in path(segments, row):
                    line = drawn_on_whole_canvas(canvas, start, stamp, mask=False)
                    expected = np.maximum(expected, 2.0 * line)
        for disc in drawn.discs[scene]:
            expected = np.maximum(expected, whole_canvas_disc(disc, EASY) / 255)
        stretched = (expected - expected.min()) / (expected.max() - expected.min()) * 255
        np.testing.assert_allclose(images[scene], stretched, atol=0.5 + 1e-9)


def whole_canvas_disc(center, p) -> np.ndarray:
    aa = p.antialias_scale
    rows, columns = np.mgrid[: p.resolution * aa, : p.resolution * aa]
    inside = np.hypot(rows - center[0] * aa, columns - center[1] * aa) <= p.marker_radius * aa
    fine = Image.fromarray((inside * 255).astype(np.uint8))
    return np.asarray(fine.resize((p.resolution,) * 2, Image.Resampling.LANCZOS))


@pytest.mark.parametrize("p", [HARD, PATHX])
def test_disc_in_its_window_is_the_disc_on_the_whole_canvas(p):
    for center in [(0, 0), (1, 5), (2, 31), (16, 16), (p.resolution - 1, 3)]:
        rows, columns, stamp = disc_window(np.array(center), p)
        image = np.zeros((p.resolution,) * 2)
        image[rows, columns] = stamp
        np.testing.assert_array_equal(image, whole_canvas_disc(center, p))


def test_free_tails_are_those_of_the_dilation(hard):
    """out(p) = max over offsets o of mask(p + o), offsets off the image left out."""
    canvas, _ = hard
    rng = np.random.default_rng(0)
    mask = np.zeros((1, canvas.side, canvas.side), dtype=np.uint8)
    canvas.crop(mask)[:] = rng.integers(0, 256, (32, 32)) * (rng.random((32, 32)) < 0.1)
    image = canvas.crop(mask)[0]
    everywhere = np.stack(np.mgrid[:32, :32], axis=-1).reshape(-1, 2)
    for degree in (0, 45, 180, 200, 359):
        expected = []
        for y, x in everywhere:
            met = [
                image[y + dy, x + dx]
                for dy, dx in canvas.stamps.core[degree]
                if 0 <= y + dy < 32 and 0 <= x + dx < 32
            ]
            if met and np.ceil(max(met) / 255 - 0.3) <= 0:
                expected.append([y, x])
        assert canvas.free_tails(mask[0], degree).tolist() == expected
        blocked = canvas.blocked_tails(mask, np.array([degree]), everywhere[None])[0]
        assert everywhere[~blocked].tolist() == expected


def test_first_tails_stay_off_the_wide_border(hard):
    canvas, _ = hard
    tails, counts = canvas._tails
    assert (counts > 0).all()
    for degree in range(0, DEGREES, 15):
        assert (np.abs(tails[degree, : counts[degree]] - 15.5) <= 5).all()


def test_circle_points_are_truncated_absolute_coordinates():
    for radius in (3, 7, 8):
        expected = set()
        for step in range(ceil(2 * pi * radius)):
            angle = step / radius
            if angle < 2 * pi:
                point = (50 + radius * sin(angle), 50 + radius * cos(angle))
                expected.add((int(point[0] + 1e-10) - 50, int(point[1] + 1e-10) - 50))
        assert set(map(tuple, circle_points(radius).tolist())) == expected


def test_labels_are_balanced():
    labels = np.concatenate(
        [
            pathfinder_block(block, size=500, seed=0, p=parameters(SMALL))["labels"]
            for block in range(8)
        ]
    )
    assert abs(labels.mean() - 0.5) <= 0.02 + 1e-9


def test_statistics_of_the_procedure():
    """Measured with another implementation: 4.6 of 5 distractors at contour 14; pixels of the two
    paths (> .3) are 8-adjacent in 31 % of the pairs at contour 6."""
    canvas = Canvas(EASY, 1)
    n = 500
    drawn = compose(block_rng(0, 0), canvas, n)
    strong = []
    for segments in drawn.targets:
        lines = canvas.empty_masks(n, 0)
        for number in range(6):
            stamps = canvas.stamps.lines[segments.stamps[:, number]]
            canvas.paste(lines, np.arange(n), segments.starts[:, number], stamps)
        strong.append(canvas.crop(lines) > FREE)
    grown = np.zeros_like(strong[0])
    padded = np.pad(strong[0], ((0, 0), (1, 1), (1, 1)))
    for dy in range(3):
        for dx in range(3):
            grown |= padded[:, dy : dy + 32, dx : dx + 32]
    adjacent = (grown & strong[1]).any(axis=(1, 2)).mean()
    assert 0.23 < adjacent < 0.39
    canvas = Canvas(HARD, 1)
    drawn = compose(block_rng(0, 0), canvas, 100)
    placed = sum(len(lanes) for lanes, _ in drawn.distractors) / 100
    assert 4.3 < placed < 4.85


def test_a_pair_is_as_likely_wherever_it_is_in_a_batch():
    canvas = Canvas(EASY, 1)
    one = len(target_pairs(block_rng(1, 0), canvas, 2_000)[0])
    many = sum(len(target_pairs(block_rng(2, i), canvas, 100)[0]) for i in range(20))
    assert abs(one - many) < 5 * np.sqrt(2 * 2_000 * 0.25)


def test_splits(context):
    data = load(SMALL, context)
    assert available(SMALL, context) is None
    assert (data.channels, data.vocab_size, data.n_classes) == (1, None, 2)
    assert not data.is_paper_data
    rows = set()
    for split, n in ((data.train, 200), (data.val, 20), (data.test, 50)):
        assert split.inputs.shape == (n, 32 * 32, 1)
        assert str(split.inputs.dtype) == "torch.float32"
        assert split.lengths is None
        assert split.inputs.min() == -1
        assert split.inputs.max() == 1
        rows |= {sequence.tobytes() for sequence in split.inputs.numpy()}
    assert len(rows) == 270, "an image is in two splits"


def test_the_same_bytes_from_any_number_of_workers_and_on_any_day(context, tmp_path):
    spec = replace(SMALL, train=400)
    one = load(spec, context)
    two = load(spec, replace(context, root=tmp_path / "two", workers=2))
    assert one.content_sha256 == two.content_sha256 == PINNED
    assert load(replace(spec, seed=1), context).content_sha256 != PINNED


def test_hard_images_on_any_day():
    assert content_sha256(pathfinder_block(0, size=20, seed=0, p=HARD)) == PINNED_HARD


def test_a_large_set_leaves_no_scratch_and_resumes(context, monkeypatch):
    monkeypatch.setattr(dataset, "_LARGEST_WITHOUT_SCRATCH", 10)
    calls = []

    def counted(block, **kwargs):
        calls.append(block)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return pathfinder_block(block, **kwargs)

    monkeypatch.setattr(dataset, "pathfinder_block", counted)
    with pytest.raises(KeyboardInterrupt):
        load(SMALL, context)
    load(SMALL, context)
    assert calls == [0, 1, 1]
    assert [path.suffix for path in (context.root / "pathfinder").iterdir()].count(".blocks") == 0


def test_sets_too_large_as_float_stay_8_bit_until_they_are_in_a_batch(context, monkeypatch):
    as_float = load(SMALL, context)
    monkeypatch.setattr(dataset, "_LARGEST_AS_FLOAT", 1000)
    as_bytes = load(SMALL, context)
    assert str(as_bytes.train.inputs.dtype) == "torch.uint8"
    batches = [
        next(iter(SequenceLoader(data.train, 16, shuffle=True, seed=0, drop_last=True)))[0]
        for data in (as_float, as_bytes)
    ]
    assert (batches[0] == batches[1]).all()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (PathfinderSpec(paddle_thickness=0.3), "paddle_thickness is 0.3; allowed"),
        (PathfinderSpec(seed_distance=8), "leaves no room"),
        (PathfinderSpec(paddle_margin_min=3), "paddle_margin_min is 3; allowed: at most"),
    ],
)
def test_parameters_that_cannot_go_together(context, spec, message):
    with pytest.raises(UserError, match=message):
        load(spec, context)


def test_paths_that_never_fit(context, monkeypatch):
    monkeypatch.setattr("common.data.pathfinder.scenes._HOPELESS_AFTER", 100)
    spec = PathfinderSpec(contour_length=60, train=10, val=0, test=10)
    with pytest.raises(UserError, match="fitted two paths of 60 segments"):
        load(spec, context)
