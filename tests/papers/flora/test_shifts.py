"""The network that is adapted, on the shifted images it meets."""

from __future__ import annotations

import pytest
import torch

from common.data.catalogue import load
from common.data.specs import ImagesSpec, TrainedResNetSpec
from common.nn.cifar_resnet import CifarResNet
from papers.flora.shifts import SHIFTS


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("shift", "per_cent"), [("none", 91.5), ("inverted", 60.6), ("rot90", 37.5), ("blur", 25.2)]
)
def test_accuracy_before_any_training(shift, per_cent, genuine_context):
    """On the first 1,000 test images; blurred ones are rounded to bytes (25.0 without)."""
    test = load(ImagesSpec(normalisation="imagenet"), genuine_context).test
    model = CifarResNet(20)
    model.load_state_dict(load(TrainedResNetSpec(20), genuine_context).state)
    with torch.no_grad():
        logits = model.eval()(test.pixel_scale(SHIFTS[shift](test.inputs[:1000])))
    found = 100 * (logits.argmax(1) == test.targets[:1000]).double().mean()
    assert float(found) == pytest.approx(per_cent, abs=0.05)
