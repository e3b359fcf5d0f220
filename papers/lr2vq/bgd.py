"""The control by activations (Stock et al. 2020): codewords that serve the layer's outputs.

Subvectors lie along the inputs; what counts is ||X (c - w)||^2, X the unrolled inputs cut into
blocks of m as the filters are, all blocks together. With X^T X = L L^T that is a distance between
L^T c and L^T w, and k-means in these coordinates is the ordinary one: the codeword is the mean of
its members in either. Layers are done one after another from the input, each on what the quantised
ones before it give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, islice

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from common.compression import capture
from common.compression.decoded import Decoded
from common.compression.kmeans import kmeans
from common.compression.layers import replace
from common.compression.subvectors import ALONG_IN, Layout
from common.errors import InvalidInputError
from papers.lr2vq.models import VectorQuantised

SAMPLE = 10_000  # rows of unrolled inputs


def unrolled(layer: nn.Module, inputs: Tensor) -> Float[Tensor, "rows n"]:
    """What multiplies a filter, a row a position (or a token)."""
    if not isinstance(layer, nn.Conv2d):
        return inputs.flatten(0, -2)
    columns = F.unfold(inputs, layer.kernel_size, layer.dilation, layer.padding, layer.stride)
    return columns.transpose(1, 2).flatten(0, 1)


def input_moment(
    model: nn.Module, name: str, batches: Sequence[Tensor], size: int, generator: torch.Generator
) -> Float[Tensor, "m m"]:
    """H, the mean of x x^T over rows and blocks of m neighbours, float64.

    Raises:
        InvalidInputError: m does not divide the layer's inputs, or nothing reached it.
    """
    layer = model.get_submodule(name)
    rows: list[Tensor] = []

    def see(_: str, inputs: Tensor, __: Tensor) -> None:
        rows.append(unrolled(layer, inputs))

    with capture.watching({name: layer}, see):
        capture.run(model, batches)
    if not rows:
        raise InvalidInputError(f"The calibration data did not reach {name}.")
    every = torch.cat(rows)
    if every.shape[1] % size:
        raise InvalidInputError(
            f"size={size} does not divide the {every.shape[1]} inputs of {name}."
        )
    chosen = torch.randperm(len(every), generator=generator)[:SAMPLE]
    blocks = every[chosen.to(every.device)].reshape(-1, size).double()
    return blocks.mT @ blocks / len(blocks)


def weighted_codes(
    weight: Float[Tensor, "out *rest"],
    moment: Float[Tensor, "m m"],
    words: int,
    generator: torch.Generator,
) -> VectorQuantised:
    """k-means of the subvectors along the inputs, distances in the metric H."""
    layout = Layout(len(moment), ALONG_IN)
    rows = layout.cut(weight.detach())
    # A direction that no input has would count nothing, and its mean would be lost.
    scale = moment.diagonal().mean()
    ridge = moment + 1e-6 * scale * torch.eye(len(moment), dtype=moment.dtype, device=rows.device)
    root = torch.linalg.cholesky(ridge)
    found = kmeans(rows.double() @ root, words, generator=generator)
    sums = torch.zeros(words, rows.shape[1], dtype=torch.float64, device=rows.device)
    sums.index_add_(0, found.codes, rows.double())
    counts = torch.bincount(found.codes, minlength=words).clamp_min(1)
    return VectorQuantised(
        layout, weight.shape, found.codes, (sums / counts[:, None]).to(weight.dtype)
    )


def quantise_in_order(
    model: nn.Module,
    batches: Sequence[Tensor],
    sizes: Mapping[str, tuple[int, int]],
    generator: torch.Generator,
    *,
    weighted: bool = True,
    tune: Callable[[nn.Module, Decoded], None] = lambda model, layer: None,
) -> dict[str, Decoded]:
    """Replace layers from the input on; after each, ``tune`` may train its codebook.

    Args:
        batches: calibration inputs.
        sizes: m and k of each layer, in the order of the forward pass.
        weighted: by activations; else plain k-means in the same order, whose gap is the value of
            the data.
    """
    found = {}
    for name, (size, words) in sizes.items():
        layer = model.get_submodule(name)
        moment = (
            input_moment(model, name, batches, size, generator)
            if weighted
            else torch.eye(size, dtype=torch.float64, device=layer.weight.device)
        )
        found[name] = Decoded(layer, weighted_codes(layer.weight, moment, words, generator))
        replace(model, name, found[name])
        tune(model, found[name])
    return found


def distil_codebook(
    teacher: nn.Module,
    batches: Sequence[Tensor],
    steps: int,
    lr: float,
    model: nn.Module,
    layer: Decoded,
) -> None:
    """Train one codebook so that the network agrees with the dense one; nothing else moves.

    By Adam, as all methods here train, its rate falling linearly to 0; in evaluation mode, since
    running statistics that drift would adapt the network to the quantised layers by themselves.

    Args:
        teacher: the dense network.
        batches: calibration inputs.
        steps: of Adam.
        lr: the first rate.
    """
    if steps == 0:
        return
    codebook = layer.code.codebook
    with torch.no_grad():
        wanted = [teacher(inputs).log_softmax(-1) for inputs in batches]
    update = torch.optim.Adam([codebook], lr)
    model.eval()
    pairs = islice(cycle(zip(batches, wanted, strict=True)), steps)
    for step, (inputs, targets) in enumerate(pairs):
        update.param_groups[0]["lr"] = lr * (1 - step / steps)
        outputs = model(inputs).log_softmax(-1)
        loss = F.kl_div(outputs, targets, log_target=True, reduction="batchmean")
        (codebook.grad,) = torch.autograd.grad(loss, [codebook])
        update.step()
    codebook.grad = None
