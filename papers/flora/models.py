"""FLoRA: dW = s G x_1 U_1 x_2 U_2 ... x_N U_N, a core and one thin factor for each mode.

A convolution's weight has the modes (out, in / groups, height, width); it is not reshaped to a
matrix, which would tear neighbouring taps of a kernel apart.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from common.adapters.adapter import Adapter
from common.adapters.method import AdapterMethod
from common.adapters.sites import Site
from common.errors import InvalidInputError
from common.kernels.multilinear import mode_product, multilinear_ranks

if TYPE_CHECKING:
    from papers.flora.tuner import FloraConfig

STARTS = ("zero_core", "zero_factor")
CORES = ("free", "diagonal", "orthogonal")


class FLoRA(Adapter):
    """The change of one weight of any number of modes.

    Args:
        shape: of the weight.
        ranks: of its modes.
        scale: s.
        start: which part is zero at first: the core, so that no factor has a gradient in the first
            step, or the first factor.
        core: "free"; "diagonal": the two channel modes share one index, as in a sum of rank-one
            terms; "orthogonal": factors with orthonormal columns.
        spatial: train a factor for each mode of the kernel; otherwise the core spans it whole.
        deviation: of the factors' entries; None takes sqrt(1 / (2 r_n)), as the authors' layers.
        recompute: see `FLoRAMethod`.
        generator: of the factors' draws, on the CPU.
        like: whose device the parameters are on; of its dtype, or float32 if that is shorter.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        ranks: tuple[int, ...],
        scale: float,
        start: str,
        core: str,
        spatial: bool,
        deviation: float | None,
        recompute: bool,
        generator: torch.Generator,
        like: Tensor,
    ):
        super().__init__()
        place = {"device": like.device, "dtype": torch.promote_types(like.dtype, torch.float32)}
        self.shape, self.scale = shape, scale
        self.kind, self.recompute = core, recompute
        modes = len(shape) if spatial else 2
        sizes = ranks if spatial else (*ranks[:2], *shape[2:])
        self.channel_ranks = sizes[:2]
        core_shape = (sizes[0], *sizes[2:]) if core == "diagonal" else sizes

        def drawn(rows: int, columns: int) -> Tensor:
            size = math.sqrt(0.5 / columns) if deviation is None else deviation
            return size * torch.randn(rows, columns, generator=generator)

        factors = [drawn(shape[n], sizes[n]) for n in range(modes)]
        if start == "zero_core":
            values = torch.zeros(core_shape)
        else:
            values = torch.randn(core_shape, generator=generator) / math.sqrt(math.prod(sizes[1:]))
            factors[0].zero_()
        self.core = nn.Parameter(values.to(**place))
        self.modes = nn.ParameterList(factor.to(**place) for factor in factors)

    def factor(self, mode: int) -> Float[Tensor, "size rank"]:
        """Of a mode, as it enters the product."""
        factor = self.modes[mode]
        return torch.linalg.qr(factor).Q if self.kind == "orthogonal" else factor

    def kernel(self) -> Float[Tensor, "r1 r2 ..."]:
        """s G x_3 U_3 ... x_N U_N: of the channels' ranks, and the size of the weight's kernel."""
        core = self.core
        if self.kind == "diagonal":
            core = torch.diag_embed(core.movedim(0, -1)).movedim((-2, -1), (0, 1))
        for mode in range(2, len(self.modes)):
            core = mode_product(core, self.factor(mode), mode)
        return self.scale * core

    def factors(self) -> tuple[Float[Tensor, "out r1"], Float[Tensor, "r1 rest"]]:
        """U_1, and all else unfolded along the first mode."""
        return self.factor(0), mode_product(self.kernel(), self.factor(1), 1).flatten(1)

    def side(self, x: Shaped[Tensor, "..."], site: Site) -> Tensor:
        """A dense convolution in three: to r_2 channels, the kernel to r_1, to the outputs.

        The change itself is not formed, nor its gradient.
        """
        if site.kind != "convolution" or site.layer.groups > 1:
            return super().side(x, site)
        if x.ndim < len(site.shape):  # one input without a batch
            return self.side(x[None], site)[0]
        if not (self.recompute and torch.is_grad_enabled()):
            return self._in_three(x, site)
        return checkpoint(self._in_three, x, site, use_reentrant=False, preserve_rng_state=False)

    def _in_three(self, x: Float[Tensor, "b in ..."], site: Site) -> Float[Tensor, "b out ..."]:
        narrow = _channels(x, self.factor(1).mT)
        return _channels(site.convolve(narrow, self.kernel()), self.factor(0))


@dataclass(frozen=True)
class FLoRAMethod(AdapterMethod):
    """Settings of FLoRA.

    Attributes:
        rank: of the modes (out, in); of a linear layer or an embedding, of both its modes.
        spatial_rank: of each mode of a kernel.
        ranks: one for each mode, in place of both; all layers then have as many modes.
        scale: s; None takes 4, unless alpha is given.
        alpha: s is alpha / rank.
        start, core, spatial, deviation: see `FLoRA`.
        recompute: of a convolution, backward forms the r_1 + r_2 thin channels again instead of
            keeping them. Off, for transforms of torch.func, which refuse it.
        seed: of the factors; every layer draws its own.
    """

    title: ClassVar[str] = "FLoRA"

    rank: int = 16
    spatial_rank: int = 2
    ranks: tuple[int, ...] | None = None
    scale: float | None = None
    alpha: float | None = None
    start: str = "zero_core"
    core: str = "free"
    spatial: bool = True
    deviation: float | None = None
    # Another way to the same numbers: not a part of the settings that are saved with them.
    recompute: bool = field(default=True, repr=False)
    seed: int = 0

    def validate(self) -> None:
        """Raise InvalidInputError for settings that fit no layer."""
        for name in ("rank", "spatial_rank"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name}={getattr(self, name)}; allowed: 1 or more.")
        if self.ranks is not None and (len(self.ranks) < 2 or min(self.ranks) < 1):
            raise InvalidInputError(
                f"ranks={list(self.ranks)}; allowed: at least two, each 1 or more."
            )
        if self.ranks is not None and self.alpha is not None:
            raise InvalidInputError(
                f"alpha={self.alpha} is divided by rank, which ranks={list(self.ranks)} replace: "
                f"give scale."
            )
        if self.scale is not None and self.alpha is not None:
            raise InvalidInputError(
                f"scale={self.scale} and alpha={self.alpha} exclude each other: give one."
            )
        for name, allowed in (("start", STARTS), ("core", CORES)):
            if getattr(self, name) not in allowed:
                raise InvalidInputError(
                    f"{name}={getattr(self, name)!r}; allowed: {', '.join(allowed)}."
                )

        if (self.start, self.core) == ("zero_factor", "orthogonal"):
            raise InvalidInputError(
                "A factor with orthonormal columns has no zero factor to start from: take "
                "start='zero_core', or another core."
            )

    def ranks_of(self, site: Site) -> tuple[int, ...]:
        """Of a layer's modes; those that no change can have are lowered, and it is said.

        Raises:
            InvalidInputError: `ranks` are for another number of modes.
        """
        shape = site.shape
        asked = self.ranks or (self.rank, self.rank, *[self.spatial_rank] * (len(shape) - 2))
        if len(asked) != len(shape):
            raise InvalidInputError(
                f"ranks={list(asked)} for {site.name} of shape {shape}; allowed: one for each mode."
            )
        found = multilinear_ranks(shape, asked)
        if self.core == "diagonal":
            found = (min(found[:2]),) * 2 + found[2:]
        # A mode of one entry has rank 1 whatever is asked; that is not worth a word.
        modes = zip(found, asked, shape, strict=True)
        if any(new < old and size > 1 for new, old, size in modes):
            warnings.warn(
                f"{site.name}: ranks {list(asked)} are lowered to {list(found)}, the most that a "
                f"change of shape {shape} can have.",
                stacklevel=2,
            )
        return found

    def build(self, site: Site, shared: Any, index: int) -> FLoRA:
        """See `AdapterMethod.build`."""
        scale = self.scale
        if scale is None:
            scale = 4.0 if self.alpha is None else self.alpha / self.rank
        generator = torch.Generator().manual_seed(self.seed + index)
        return FLoRA(
            site.shape,
            self.ranks_of(site),
            scale,
            self.start,
            self.core,
            self.spatial,
            self.deviation,
            self.recompute,
            generator,
            site.weight,
        )


_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


def _channels(
    x: Float[Tensor, "b channels ..."], matrix: Float[Tensor, "out channels"]
) -> Float[Tensor, "b out ..."]:
    """A matrix over the channels: a convolution by kernels of one tap, faster than a broadcast
    product."""
    axes = x.ndim - 2
    return _CONVOLUTIONS[axes](x, matrix[(..., *[None] * axes)])


def __getattr__(name: str) -> type[FloraConfig]:
    """`FloraConfig`, which needs peft, only where it is asked for."""
    if name == "FloraConfig":
        from papers.flora.tuner import FloraConfig

        return FloraConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
