"""Images as images: values, splits, refusals, augmentation."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from common.data.image_loader import PADDING, AugmentingLoader, moved
from common.data.labelled_images import NORMALISATIONS, Normalisation, load
from common.data.sequence import SequenceSplit
from common.data.specs import ImagesSpec
from common.errors import UserError


def split(n=12, side=6):
    pixels = torch.arange(n * 3 * side * side).remainder(251).to(torch.uint8)
    scale = Normalisation(*NORMALISATIONS["cifar10"])
    return SequenceSplit(pixels.reshape(n, 3, side, side), torch.arange(n), pixel_scale=scale)


def test_normalisation_channel_by_channel():
    pixels = torch.tensor([[[[0]], [[51]], [[255]]]], dtype=torch.uint8)
    mean, std = NORMALISATIONS["cifar10"]
    expected = [(v - m) / s for v, m, s in zip((0, 0.2, 1), mean, std, strict=True)]
    out = Normalisation(mean, std)(pixels)
    torch.testing.assert_close(out.flatten(), torch.tensor(expected))


def test_moved_against_slices():
    images = torch.arange(5 * 2 * 14 * 14).reshape(5, 2, 14, 14)
    down, right = torch.tensor([0, 8, 3, 4, 1]), torch.tensor([8, 0, 2, 4, 7])
    mirror = torch.tensor([0, 1, 1, 0, 1])
    cut = moved(images, down, right, mirror)
    for i in range(5):
        expected = images[i, :, down[i] : down[i] + 6, right[i] : right[i] + 6]
        assert torch.equal(cut[i], expected.flip(-1) if mirror[i] else expected)


def batches(loader, epoch=0, skip=0):
    loader.set_epoch(epoch)
    loader.skip(skip)
    return [(inputs, targets) for inputs, _, targets in loader]


def test_augmentation_is_a_function_of_seed_epoch_and_image():
    data = split()
    make = lambda **kw: AugmentingLoader(data, 4, shuffle=True, drop_last=False, **kw)  # noqa: E731
    first = batches(make(seed=0))
    again = batches(make(seed=0), skip=1)
    assert all(torch.equal(x[0], y[0]) for x, y in zip(first[1:], again, strict=True))
    other = batches(make(seed=0), epoch=1)
    whole = {int(t): image for x, ts in first for image, t in zip(x, ts, strict=True)}
    later = {int(t): image for x, ts in other for image, t in zip(x, ts, strict=True)}
    assert any(not torch.equal(whole[i], later[i]) for i in whole)
    # Two processes see between them what one sees.
    parts = [batches(make(seed=0, rank=r, world_size=2)) for r in range(2)]
    for part in parts:
        for x, ts in part:
            assert all(torch.equal(image, whole[int(t)]) for image, t in zip(x, ts, strict=True))


def test_border_is_black_before_normalising():
    data = split(n=200)
    (images, _), *_ = batches(AugmentingLoader(data, 200, shuffle=False, seed=3, drop_last=False))
    mean, std = (torch.tensor(v) for v in NORMALISATIONS["cifar10"])
    black = -mean / std
    corner = images[:, :, 0, 0]
    # Of 9 x 9 cuts 4/9 start in the upper border and 4/9 on each side of the image.
    share = torch.isclose(corner, black, atol=1e-6).all(1).float().mean()
    assert share > 0.5
    assert PADDING == 4


@pytest.mark.parametrize(
    "spec",
    [
        ImagesSpec(source="svhn"),
        ImagesSpec(train=50_001),
        ImagesSpec(test=0),
        ImagesSpec(normalisation="mnist"),
        ImagesSpec(source="mnist"),
    ],
    ids=str,
)
def test_refused(spec):
    with pytest.raises(UserError, match="allowed"):
        spec.validate()


@pytest.mark.data
def test_genuine_cifar10(genuine_context):
    data = load(ImagesSpec(train=100, test=50), genuine_context)
    assert data.train.inputs.shape == (100, 3, 32, 32)
    assert data.train.inputs.dtype == torch.uint8
    assert data.train.targets[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert data.train.inputs[0, :, 0, 0].tolist() == [59, 62, 63]
    assert not data.is_paper_data
    assert np.isclose(data.test.pixel_scale(data.test.inputs).mean(), 0, atol=0.2)


@pytest.mark.data
def test_genuine_mnist(genuine_context):
    spec = ImagesSpec(source="mnist", train=60_000, normalisation="mnist")
    data = load(spec, genuine_context)
    assert data.is_paper_data
    assert data.train.inputs.shape == (60_000, 1, 28, 28)
    assert data.train.pixel_scale(data.train.inputs[:2000]).mean().abs() < 0.05
