"""What torch allocates is counted: tensors alive at once, and the largest."""

from __future__ import annotations

import torch

from papers.lora_limits.allocation import counted
from papers.lora_limits.exact import closed_form
from papers.lora_limits.fast import fast_gradients
from papers.lora_limits.instances import standard_problem
from papers.lora_limits.polynomials import taylor


def test_alive_at_once():
    given = torch.ones(1000)

    def one_after_the_other():
        for _ in range(5):
            torch.empty(1000)

    def together():
        return [torch.empty(1000) for _ in range(5)]

    def views():
        return given.view(10, 100).mT, given.add_(1)

    assert counted(one_after_the_other).peak_bytes == 4000
    assert counted(together).peak_bytes == 20_000
    assert counted(together).largest == 4000
    assert counted(views).peak_bytes == 0


def test_the_exact_gradient_is_seen_to_be_quadratic_and_the_fast_one_not():
    problem = standard_problem(700, 3, 1.0, 0)
    square = 8 * 700**2
    assert counted(lambda: closed_form(problem)).largest >= square
    assert counted(lambda: fast_gradients(problem, taylor(4, 1.0))).largest < square / 10
