"""The S5 layer on the CPU, a tile of time at a time, with the scan compiled.

A tile's projection, scan and read-out follow one another while its rows are in the cache; what
passes from tile to tile is one state. Every array is in time order, (batch * length, columns), and
a row of states has all real parts of a direction and then all imaginary ones: the real matrices
have their columns in the same order, so that no array is ever interleaved or permuted.

The projection writes where the last direction's states will stand, and its scan runs in place: of
``driven`` there is no copy. In backward the second direction adds to the first as it goes.
Sequences are dealt to lanes (:mod:`common.kernels.lanes`) by a rule that does not know the number
of threads: neither do the sums.
"""

import ctypes
from dataclasses import dataclass

import torch
from torch import Tensor

from common.kernels.compiled import ScanJob, scan_function
from common.kernels.lanes import run_lanes

_TILE = 1024  # rows
_LANES = 16  # at most; each has its own sums for the gradients of B and C


def usable(u: Tensor) -> bool:
    """Whether this file serves: an array on the CPU, and a compiled scan for its dtype."""
    return u.device.type == "cpu" and scan_function(u.dtype) is not None


def state_shape(u: Tensor, lam_bar: Tensor, bidirectional: bool) -> tuple[int, int]:
    return u.shape[0] * u.shape[1], (4 if bidirectional else 2) * lam_bar.shape[0]


def forward(
    u: Tensor, lam_bar: Tensor, B_bar: Tensor, C: Tensor, bidirectional: bool
) -> tuple[Tensor, Tensor]:
    """``y`` (batch, length, out) and the states (batch * length, directions * 2 * state), real."""
    batch, length, width = u.shape
    rows, state = u.detach().reshape(-1, width), lam_bar.shape[0]
    states = rows.new_empty(state_shape(u, lam_bar, bidirectional))
    y = rows.new_empty(batch * length, C.shape[0])
    into = _split(B_bar.detach().T)
    # Re(C x) = [Re C, -Im C] [Re x; Im x], one direction after the other.
    out = torch.cat([_split(x.conj_physical()) for x in C.detach().split(state, 1)], 1).T
    out = out.contiguous()
    decay = _split(lam_bar.detach()[None])
    lanes = _lanes(batch, length)

    def run(lane):
        for group in lanes[lane]:
            part, tiles = group.rows, group.tiles()
            # Cut once: a slice a tile and an array would cost as much as the scan.
            u_of, states_of, y_of = (_cut(x[part], tiles) for x in (rows, states, y))
            ahead, last = states[part, : 2 * state], states[part, -2 * state :]
            driven_of = _cut(last, tiles)
            scan = _Scan(decay, group, states)
            for index, tile in enumerate(tiles):
                torch.mm(u_of[index], into, out=driven_of[index])
                scan(tile, last, ahead, backwards=False)
                if not bidirectional:
                    torch.mm(states_of[index], out, out=y_of[index])
            if bidirectional:
                for index in reversed(range(len(tiles))):
                    scan(tiles[index], last, last, backwards=True)
                    torch.mm(states_of[index], out, out=y_of[index])

    run_lanes(run, len(lanes))
    return y.view(batch, length, -1), states


def backward(
    grad: Tensor, u: Tensor, lam_bar: Tensor, B_bar: Tensor, C: Tensor, states: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The adjoint is carried conjugated, q_k = C^T dy_k + lam_bar q_{k+1}: one decay serves all."""
    batch, length, width = u.shape
    rows, dy = (x.detach().reshape(batch * length, -1) for x in (u, grad))
    states, state = states.detach(), lam_bar.shape[0]
    bidirectional = states.shape[1] > 2 * state
    adjoint, du = torch.empty_like(states), torch.empty_like(rows)
    to_adjoint = torch.cat([_split(x) for x in C.detach().split(state, 1)], 1)
    # Re(conj(q) conj(B)) = Re q Re B - Im q Im B
    to_input = _split(B_bar.detach().T.conj_physical()).T.contiguous()
    decay = _split(lam_bar.detach()[None])
    lanes = _lanes(batch, length)
    grad_C = dy.new_zeros(len(lanes), dy.shape[1], states.shape[1])
    grad_B = dy.new_zeros(len(lanes), width, 2 * state)
    decay_sums = torch.zeros(len(lanes), 2 * state, dtype=torch.float64)

    def run(lane):
        for group in lanes[lane]:
            one_group(group, grad_C[lane], grad_B[lane], decay_sums[lane])

    def one_group(group, sum_C, sum_B, sum_decay):
        part, tiles = group.rows, group.tiles()
        x_ahead, q_ahead = states[part, : 2 * state], adjoint[part, : 2 * state]
        x_last, q_last = states[part, -2 * state :], adjoint[part, -2 * state :]
        u_of, states_of, dy_of, adjoint_of, du_of = (
            _cut(x[part], tiles) for x in (rows, states, dy, adjoint, du)
        )
        total_of = _cut(q_ahead, tiles)
        scan = _Scan(decay, group, states, sum_decay)

        def finish(index):
            torch.mm(total_of[index], to_input, out=du_of[index])
            sum_B.addmm_(u_of[index].T, total_of[index])

        for index in reversed(range(len(tiles))):
            torch.mm(dy_of[index], to_adjoint, out=adjoint_of[index])
            sum_C.addmm_(dy_of[index].T, states_of[index])
            scan(tiles[index], q_ahead, q_ahead, factors=x_ahead, backwards=True)
            if not bidirectional:
                finish(index)
        if bidirectional:
            for index, tile in enumerate(tiles):
                scan(tile, q_last, q_ahead, factors=x_last, added=q_ahead, backwards=False)
                finish(index)

    run_lanes(run, len(lanes))
    columns = grad_C.sum(0).split(2 * state, 1)
    return (
        du.view(u.shape),
        _join(decay_sums.sum(0)[None])[0].to(lam_bar.dtype).conj_physical(),
        _join(grad_B.sum(0)).T.conj_physical().contiguous(),
        torch.cat([_join(x) for x in columns], 1).conj_physical(),
    )


@dataclass(frozen=True)
class _Tile:
    """``steps`` of every sequence in a group from ``first`` on; may begin or end the sequence."""

    first: int
    steps: int
    begins: bool
    ends: bool


@dataclass(frozen=True)
class _Group:
    """Sequences ``first .. first + count``: several short ones in one tile, or a long one."""

    first: int
    count: int
    length: int

    @property
    def rows(self) -> slice:
        return slice(self.first * self.length, (self.first + self.count) * self.length)

    def tiles(self) -> list[_Tile]:
        if self.count > 1:
            return [_Tile(0, self.length, True, True)]
        starts = range(0, self.length, _TILE)
        return [
            _Tile(start, min(_TILE, self.length - start), start == 0, start == starts[-1])
            for start in starts
        ]


def _lanes(batch: int, length: int) -> list[list[_Group]]:
    together = max(1, _TILE // length)
    groups = [
        _Group(first, min(together, batch - first), length) for first in range(0, batch, together)
    ]
    return [groups[lane::_LANES] for lane in range(min(_LANES, len(groups)))]


def _cut(array: Tensor, tiles: list[_Tile]) -> tuple[Tensor, ...]:
    if len(tiles) == 1:
        return (array,)
    return array.split([tile.steps for tile in tiles])


class _Scan:
    """One direction after the other over the tiles of a group; all arrays have rows as ``like``."""

    def __init__(self, decay: Tensor, group: _Group, like: Tensor, sums: Tensor | None = None):
        state, row = decay.shape[1] // 2, like.shape[1]
        self.function, self.row, self.size = scan_function(like.dtype), row, like.element_size()
        self.carry = like.new_empty(group.count, 2 * state)  # the job holds bare addresses
        self.job = ScanJob(
            decay=decay.data_ptr(),
            carry=self.carry.data_ptr(),
            sums=None if sums is None else sums.data_ptr(),
            state=state,
            imaginary=state,
            sequences=group.count,
            sequence=group.length * row,
            factor_sequence=group.length * row,
        )

    def __call__(self, tile, inputs, outputs, *, backwards, factors=None, added=None):
        """Scan ``inputs`` into ``outputs`` over a tile; with ``factors`` (the states that the
        adjoint belongs to) sum x_k factors_{k+1}, k + 1 in the order of this scan."""
        job = self.job
        step = -self.row if backwards else self.row
        start = (tile.first + (tile.steps - 1 if backwards else 0)) * self.row * self.size
        job.inputs, job.outputs = inputs.data_ptr() + start, outputs.data_ptr() + start
        job.added = None if added is None else added.data_ptr() + start
        job.factors = None if factors is None else factors.data_ptr() + start + step * self.size
        job.steps, job.row, job.factor_row = tile.steps, step, step
        job.fresh = tile.ends if backwards else tile.begins
        job.products = tile.steps - (tile.begins if backwards else tile.ends)
        self.function(ctypes.byref(job))


def _split(matrix: Tensor) -> Tensor:
    """Complex columns as all real, then all imaginary parts."""
    # Resolved by hand: inside an operator that the compiler calls, lazy conjugation is switched off
    # and the imaginary part of a conjugated view would lose its sign.
    matrix = matrix.resolve_conj()
    return torch.cat([matrix.real, matrix.imag], 1)


def _join(matrix: Tensor) -> Tensor:
    return torch.complex(*matrix.chunk(2, 1))
