"""What calibration batches are made of, and errors measured at layers while a model runs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.compression.capture import input_moments, output_moments
from common.compression.language_models import packed
from common.compression.output_error import output_errors
from common.errors import InvalidInputError


def test_windows_are_consecutive_and_hold_no_end_of_text():
    stream = torch.arange(1, 301).int()
    stream[100] = stream[200] = 0
    plain = stream[stream != 0]
    batches = packed(stream, 16, 16 * 20, seed=3, batch_size=8)
    assert [len(b) for b in batches] == [8, 8, 4]
    rows = torch.cat(batches)
    assert not (rows == 0).any()
    for row in rows:
        at = int((plain == row[0]).nonzero())
        assert torch.equal(row, plain[at : at + 16].long())
    assert torch.equal(rows, torch.cat(packed(stream, 16, 330, seed=3)))  # cut to whole windows
    assert not torch.equal(rows, torch.cat(packed(stream, 16, 320, seed=4)))
    with pytest.raises(InvalidInputError, match="needed is at least one window of 16"):
        packed(stream, 16, 15)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.second(self.first(x).relu())


def test_errors_of_replacements_that_see_what_the_layer_sees():
    model, other = Pair().double(), nn.Linear(4, 2).double()
    batches = [torch.randn(2, 5, 3).double() for _ in range(3)]
    hidden = torch.cat([model.first(x).relu().flatten(0, 1) for x in batches])
    difference = model.second(hidden) - other(hidden)
    found = output_errors(model, {"second": {"own": model.second, "other": other}}, batches)
    assert found["second"]["own"] == 0
    wanted = float(difference.square().sum(1).mean().detach())
    assert found["second"]["other"] == pytest.approx(wanted, rel=1e-12)
    with pytest.raises(InvalidInputError, match="no batch"):
        output_errors(model, {"second": {"own": model.second}}, [])


def test_rows_that_are_left_out():
    model = Pair().double()
    batches = [torch.randn(2, 5, 3).double() for _ in range(2)]

    def keep(batch):
        return batch[..., 0] > 0

    rows = torch.cat([x[keep(x)] for x in batches])
    layers = {"first": model.first}
    found = output_moments(model, layers, batches, keep)["first"]
    assert found.count == len(rows)
    torch.testing.assert_close(found.mean, model.first(rows).mean(0).detach())
    inputs = input_moments(model, layers, batches, keep)["first"]
    centred = rows - rows.mean(0)
    torch.testing.assert_close(inputs.covariance, centred.mT @ centred / len(rows))
    other = nn.Linear(3, 4).double()
    error = output_errors(model, {"first": {"x": other}}, batches, keep)["first"]["x"]
    wanted = (model.first(rows) - other(rows)).square().sum(1).mean()
    assert error == pytest.approx(float(wanted.detach()), rel=1e-12)
