import pytest
import torch

from common.kernels.lanes import run_lanes


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("lanes", [0, 1, 2, 7])
def test_every_lane_once(threads, lanes):
    weight = torch.ones(4, 4, requires_grad=True)
    out = torch.zeros(lanes, 4, 4)

    def task(lane):
        torch.mm(weight, lane * weight, out=out[lane])

    run_lanes(task, lanes)
    assert torch.equal(out[:, 0, 0], 4.0 * torch.arange(lanes))
    assert torch.is_grad_enabled()


def test_an_exception_reaches_the_caller(threads):
    def task(lane):
        if lane == 2:
            raise ValueError("lane 2")

    with pytest.raises(ValueError, match="lane 2"):
        run_lanes(task, 5)
