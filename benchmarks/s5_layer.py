"""The S5 layer, forward and backward, against its own matrix products and against JAX.

Bound: the fused layer takes at most 1.3 times as long as the real matrix products it cannot avoid
(the floor), and a third of the time of the layer written with ``jax.lax.associative_scan`` under
jit. Beside the floor stands a bound from below that counts what has to move, see
:func:`moved_bytes`.
"""

from dataclasses import dataclass

import torch

from benchmarks.peak_memory import extra_peak_bytes
from benchmarks.report import Measurement
from benchmarks.timing import interleaved_medians
from common.kernels.discretise import zoh
from common.kernels.lanes import run_lanes
from common.kernels.s5 import s5_apply
from common.kernels.scan import diagonal_scan


@dataclass(frozen=True)
class Shape:
    batch: int
    length: int
    width: int
    pairs: int  # stored states, one of each conjugate pair
    bounded: bool = True

    def __str__(self) -> str:
        return f"S5 layer H{self.width} P{2 * self.pairs} B{self.batch} L{self.length}"


SHAPES = (
    Shape(8, 1024, 128, 32),
    Shape(2, 16384, 128, 32),
    Shape(8, 1024, 256, 128, bounded=False),
)
SWITCHES = {"bidirectional": True, "conj_sym": True}
FLOOR_BOUND, PEER_BOUND, STATE_ARRAY_BOUND = 1.3, 1 / 3, 4
TILE = 1024  # rows whose products are timed in the cache


def measure(rounds: int, threads: int, peer: bool) -> list[Measurement]:
    results = []
    for shape in SHAPES:
        results += _timings(shape, rounds, peer and shape.bounded)
        results += _accuracy(shape)
    longest = SHAPES[1]
    arrays = saved_state_arrays(longest)
    results.append(
        Measurement(
            str(longest), "state arrays kept for backward", arrays, "", ("<=", STATE_ARRAY_BOUND)
        )
    )
    for name, layer in (("fused", s5_apply), ("composed", composition)):
        peak = extra_peak_bytes(prepare_call, layer, longest, threads=threads)
        results.append(Measurement(str(longest), f"peak extra memory, {name}", peak / 2**20, "MiB"))
    return results


def inputs(shape: Shape) -> tuple[list[torch.Tensor], torch.Tensor]:
    """(u, lam_bar, B_bar, C) as an S5 layer starts with them, and a gradient of y."""
    generator = torch.Generator().manual_seed(0)

    def draw(*size, dtype=torch.float32):
        return torch.randn(*size, dtype=dtype, generator=generator)

    frequency = torch.pi * torch.arange(shape.pairs)
    step = torch.logspace(-3, -1, shape.pairs)
    lam_bar, scale = zoh(torch.complex(torch.full_like(frequency, -0.5), frequency), step)
    B = draw(shape.pairs, shape.width, dtype=torch.complex64) / shape.pairs**0.5
    C = draw(shape.width, 2 * shape.pairs, dtype=torch.complex64) / shape.pairs**0.5
    u = draw(shape.batch, shape.length, shape.width)
    leaves = [x.requires_grad_() for x in (u, lam_bar, scale[:, None] * B, C)]
    return leaves, draw(shape.batch, shape.length, shape.width)


def composition(u, lam_bar, B_bar, C, *, bidirectional, conj_sym):
    """The layer from its parts, as one writes it first."""
    driven = u.to(B_bar.dtype) @ B_bar.T
    states = diagonal_scan(lam_bar, driven)
    if bidirectional:
        states = torch.cat([states, diagonal_scan(lam_bar, driven, reverse=True)], -1)
    y = (states @ C.T).real
    return 2 * y if conj_sym else y


def floor(shape: Shape):
    """The real products of the layer and nothing else: B u, C x of both directions, and in backward
    dx and dC of both directions, du and dB (products of two directions with one operand in common
    count as one). Real and imaginary parts are stacked, all arrays are contiguous."""
    tokens, width, columns = shape.batch * shape.length, shape.width, 2 * shape.pairs
    u, dy = torch.randn(tokens, width), torch.randn(tokens, width)
    x, driven = torch.randn(tokens, 2 * columns), torch.randn(tokens, columns)
    B, C = torch.randn(width, columns), torch.randn(2 * columns, width)

    def products():
        return u @ B, x @ C, dy @ C.T, dy.T @ x, driven @ B.T, u.T @ driven

    return products


def products_in_cache(shape: Shape):
    """The same products, tile by tile; each thread has one tile, whose arrays stay in its cache."""
    lanes = torch.get_num_threads()
    tiles = [floor(Shape(1, TILE, shape.width, shape.pairs)) for _ in range(lanes)]
    each = shape.batch * shape.length // (TILE * lanes)

    def task(lane):
        for _ in range(each):
            tiles[lane]()

    return lambda: run_lanes(task, lanes)


def moved_bytes(shape: Shape) -> int:
    """What goes between memory and cache when a tile stays in the cache while it is worked on but
    nothing longer does. In columns of float32 a row, with x both directions' states:

        forward:  read u; write x (kept for backward); read x (the second direction); write y
        backward: read dy, x; write the adjoint; read the adjoint, half of x, u; write du
    """
    states = 4 * shape.pairs
    forward = 2 * shape.width + 2 * states
    backward = 3 * shape.width + 3 * states + states // 2
    return 4 * shape.batch * shape.length * (forward + backward)


def copy(shape: Shape):
    """One array of all u to another: (run, bytes that move)."""
    source = torch.randn(shape.batch, shape.length, shape.width)
    target = torch.empty_like(source)
    return lambda: target.copy_(source), 2 * source.nbytes


def _timings(shape, rounds, peer):
    leaves, gradient = inputs(shape)

    def run(layer):
        return lambda: torch.autograd.grad(layer(*leaves, **SWITCHES), leaves, gradient)

    copying, copied = copy(shape)
    contestants = {
        "fused": run(s5_apply),
        "floor": floor(shape),
        "products in cache": products_in_cache(shape),
        "copy": copying,
        "composed": run(composition),
    }
    extra = []
    if peer:
        from benchmarks.jax_peer import s5_layer_peer

        contestants["JAX"], compile_seconds = s5_layer_peer(
            leaves, gradient, s5_apply(*leaves, **SWITCHES)
        )
        extra.append(Measurement(str(shape), "JAX compile time", compile_seconds, "s"))
    seconds = interleaved_medians(contestants, rounds)
    bound = ("<=", FLOOR_BOUND) if shape.bounded else None
    ours = seconds["fused"]
    rows = [Measurement(str(shape), f"{name} time", 1e3 * t, "ms") for name, t in seconds.items()]
    rows.append(Measurement(str(shape), "fused / floor", ours / seconds["floor"], "x", bound))
    bandwidth, moved = copied / seconds["copy"], moved_bytes(shape)
    lower = seconds["products in cache"] + moved / bandwidth
    rows += [
        Measurement(str(shape), "copy bandwidth", bandwidth / 1e9, "GB/s"),
        Measurement(str(shape), "bytes to be moved", moved / 1e6, "MB"),
        Measurement(str(shape), "products in cache + traffic", 1e3 * lower, "ms"),
        Measurement(str(shape), "fused / (products in cache + traffic)", ours / lower, "x"),
    ]
    if peer:
        ratio = ours / seconds["JAX"]
        rows.append(Measurement(str(shape), "fused / JAX", ratio, "x", ("<=", PEER_BOUND)))
    return rows + extra


def _accuracy(shape):
    """Worst relative error of y and the four gradients against the composition in float64."""
    leaves, gradient = inputs(shape)

    def results(layer, wide):
        kinds = {False: torch.float64, True: torch.complex128}
        args = [x.detach().to(kinds[x.is_complex()] if wide else x.dtype) for x in leaves]
        args = [x.requires_grad_() for x in args]
        y = layer(*args, **SWITCHES)
        return [y, *torch.autograd.grad(y, args, gradient.to(y.dtype))]

    exact = results(composition, True)

    def worst(layer):
        pairs = zip(results(layer, False), exact, strict=True)
        return max(((a - b).abs().max() / b.abs().max()).item() for a, b in pairs)

    return [
        Measurement(str(shape), "fused error to float64", worst(s5_apply)),
        Measurement(str(shape), "composed error to float64", worst(composition)),
    ]


def saved_state_arrays(shape: Shape) -> float:
    """Bytes that autograd keeps beyond the layer's arguments, in arrays of all complex states."""
    leaves, _ = inputs(shape)
    kept: dict[int, int] = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        y = s5_apply(*leaves, **SWITCHES)
    for leaf in leaves:
        kept.pop(leaf.untyped_storage().data_ptr(), None)
    assert y.requires_grad
    return sum(kept.values()) / (shape.batch * shape.length * shape.pairs * 8)


def prepare_call(layer, shape):
    def call(at):
        leaves, gradient = inputs(at)
        return lambda: torch.autograd.grad(layer(*leaves, **SWITCHES), leaves, gradient)

    call(Shape(1, 64, shape.width, shape.pairs))()
    return call(shape)
