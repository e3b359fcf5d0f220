"""What a training step spends on state-space work that is not a matrix product.

The Image model of S5-PTD on Long Range Arena at the paper's size (6 layers, H 512, P 384 in 3
blocks, both directions, L 1024) and an S4D of 6 layers, H 512, N 64, by convolution. Bound: scan
and kernel generation take at most 35 % of a step. In S5 the projections B u and C x are matrix
products like those of any other layer: its share is the time of ``s5_apply`` beyond its own
products. The published batch is 50; the share of kernel generation, which does not depend on the
batch, is a third as large there as at the 16 measured here.
"""

from functools import partial

import torch
from torch import nn

from benchmarks import s5_layer
from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.kernels.s4d import s4d_apply
from common.kernels.vandermonde import vandermonde_kernel
from common.nn.block import SequenceBlock
from common.nn.classifier import SequenceClassifier, SequenceModel, encoder
from common.nn.modal import diagonal_basis
from common.nn.s4 import S4
from common.nn.s5 import S5

BATCH, LENGTH, WIDTH, LAYERS, CLASSES = 16, 1024, 512, 6, 10
S5_PAIRS, S5_BLOCKS, S4D_PAIRS = 192, 3, 32
SHARE_BOUND = 0.35


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    rounds = max(3, rounds // 5)
    return _s5(rounds) + _s4d(rounds)


def _basis(pairs):
    frequency = torch.pi * torch.arange(1, pairs + 1, dtype=torch.float64)
    return diagonal_basis(
        torch.complex(torch.full_like(frequency, -0.5), frequency), torch.ones(pairs)
    )


def _step(make_layer):
    """Forward, backward and update of the classifier on grey images, read pixel by pixel."""
    blocks = [
        SequenceBlock(make_layer(), WIDTH, activation="half_glu1", dropout=0.1)
        for _ in range(LAYERS)
    ]
    model = SequenceModel(encoder("linear", WIDTH, vocabulary=None, channels=1), blocks)
    classifier = SequenceClassifier(model, WIDTH, CLASSES)
    optimiser = torch.optim.AdamW(classifier.parameters())
    pixels, labels = torch.rand(BATCH, LENGTH, 1), torch.randint(CLASSES, (BATCH,))

    def step():
        optimiser.zero_grad()
        nn.functional.cross_entropy(classifier(pixels), labels).backward()
        optimiser.step()

    return step


def _s5(rounds):
    shape = s5_layer.Shape(BATCH, LENGTH, WIDTH, S5_PAIRS)
    basis = _basis(S5_PAIRS // S5_BLOCKS)
    contestants = {
        "step": _step(lambda: S5(basis, WIDTH, blocks=S5_BLOCKS, bidirectional=True)),
        "layer": s5_layer.prepare_call(s5_layer.s5_apply, shape),
        "products": s5_layer.floor(shape),
    }
    seconds = interleaved_medians(contestants, rounds, warmup=1)
    beyond = LAYERS * max(0.0, seconds["layer"] - seconds["products"])
    name = f"S5 Image model, {LAYERS} layers H{WIDTH} P{2 * S5_PAIRS} B{BATCH} L{LENGTH}"
    return [
        Measurement(name, "training step", 1e3 * seconds["step"], "ms"),
        Measurement(name, "s5_apply, all layers", 1e3 * LAYERS * seconds["layer"], "ms"),
        Measurement(name, "beyond its products", 1e3 * beyond, "ms"),
        Measurement(name, "scan / step", beyond / seconds["step"], "", ("<=", SHARE_BOUND)),
    ]


def _s4d(rounds):
    basis = _basis(S4D_PAIRS)
    weights = torch.randn(2 * WIDTH, S4D_PAIRS, dtype=torch.complex64)
    step_size = torch.logspace(-3, -1, WIDTH).repeat(2)[:, None]
    leaves = [x.requires_grad_() for x in (weights, step_size * basis.lam.to(torch.complex64))]
    gradient = torch.randn(2 * WIDTH, LENGTH)
    u = torch.randn(BATCH, LENGTH, WIDTH, requires_grad=True)
    upstream = torch.randn(BATCH, LENGTH, WIDTH)

    def kernels():  # of both directions
        return torch.autograd.grad(vandermonde_kernel(*leaves, LENGTH), leaves, gradient)

    def layer():  # by the same convolution, whole
        forward, backward = leaves[0].split(WIDTH)
        lam_step = leaves[1][:WIDTH]
        y = s4d_apply(u, forward, lam_step, reverse_weights=backward, mode="convolution")
        return torch.autograd.grad(y, [u, *leaves], upstream)

    make_layer = partial(S4, basis, WIDTH, bidirectional=True, mode="convolution")
    contestants = {"step": _step(make_layer), "kernels": kernels, "layer": layer}
    seconds = interleaved_medians(contestants, rounds, warmup=1)
    name = f"S4D model, {LAYERS} layers H{WIDTH} N{2 * S4D_PAIRS} B{BATCH} L{LENGTH}"
    generation, whole = LAYERS * seconds["kernels"], LAYERS * seconds["layer"]
    return [
        Measurement(name, "training step", 1e3 * seconds["step"], "ms"),
        Measurement(name, "s4d_apply, all layers", 1e3 * whole, "ms"),
        Measurement(name, "kernel generation, all layers", 1e3 * generation, "ms"),
        Measurement(name, "kernels / step", generation / seconds["step"], "", ("<=", SHARE_BOUND)),
    ]
