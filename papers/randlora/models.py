"""RandLoRA (Section 4): W = W0 + s sum_j B_j diag(lambda_j) A diag(gamma_j).

B_j and A are random and frozen, lambda_j and gamma_j are trained. Of n = ceil(d / r) bases the
update has full rank d, at n (r + d) numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from common.adapters.adapter import Adapter
from common.adapters.method import AdapterMethod
from common.adapters.sites import Site
from common.errors import InvalidInputError
from papers.randlora.bases import Bases, Law, number_of_bases

if TYPE_CHECKING:
    from papers.randlora.tuner import RandLoraConfig

INITS = ("lambda_zero", "gamma_zero")


def scaled_basis(
    basis: Float[Tensor, "m r d"],
    lam: Float[Tensor, "n r"],
    gam: Float[Tensor, "n d"],
    scale: float,
) -> Float[Tensor, "n r d"]:
    """s U, rows (j, k): s lambda_jk (A_k * gamma_j); m is 1 or n."""
    return (gam[:, None, :] * basis).mul_((scale * lam)[:, :, None])


def diagonal_gradients(
    grad: Float[Tensor, "n r d"],
    basis: Float[Tensor, "m r d"],
    lam: Float[Tensor, "n r"],
    gam: Float[Tensor, "n d"],
    scale: float,
) -> tuple[Float[Tensor, "n r"], Float[Tensor, "n d"]]:
    """Those of lambda and gamma from that of s U: Appendix C.5, with H_j = B_j^T G as ``grad``."""
    with_basis = grad * (scale * basis)
    return (with_basis @ gam[:, :, None]).squeeze(2), (lam[:, None, :] @ with_basis).squeeze(1)


class ScaledBasis(torch.autograd.Function):
    """s U for a weight that is formed; the n-fold product is not kept for backward."""

    @staticmethod
    def forward(basis: Tensor, lam: Tensor, gam: Tensor, scale: float) -> Tensor:
        return scaled_basis(basis, lam, gam, scale)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        *tensors, ctx.scale = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[None, Tensor, Tensor, None]:
        return None, *diagonal_gradients(grad, *ctx.saved_tensors, ctx.scale), None


class ThinLayers(torch.autograd.Function):
    """x (s U)^T Bf^T, or x Bf s U where the weight is wider than tall.

    Neither U nor the n r numbers of a token are kept for backward, which forms again what it needs:
    n r d products, and for a wide weight n r D multiply-adds a token.
    """

    @staticmethod
    def forward(
        x: Float[Tensor, "tokens in"],
        long: Float[Tensor, "D n_r"],
        basis: Float[Tensor, "m r d"],
        lam: Float[Tensor, "n r"],
        gam: Float[Tensor, "n d"],
        scale: float,
        tall: bool,
    ) -> Float[Tensor, "tokens out"]:
        short = scaled_basis(basis, lam, gam, scale).flatten(0, 1).to(x.dtype)
        return x @ short.mT @ long.mT if tall else x @ long @ short

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        *tensors, ctx.scale, ctx.tall = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, long, basis, lam, gam = ctx.saved_tensors
        if ctx.tall:
            inner = grad @ long
            of_short = inner.mT @ x
        else:
            of_short = (x @ long).mT @ grad
        of_x = None
        if ctx.needs_input_grad[0]:
            short = scaled_basis(basis, lam, gam, ctx.scale).flatten(0, 1).to(x.dtype)
            of_x = inner @ short if ctx.tall else grad @ short.mT @ long.mT
        of_short = of_short.to(lam.dtype).view(*lam.shape, -1)
        return (
            of_x,
            None,
            None,
            *diagonal_gradients(of_short, basis, lam, gam, ctx.scale),
            None,
            None,
        )


class RandLoRA(Adapter):
    """The update of one weight of shape (out, in); D and d are its long and its short side.

    Args:
        shape: of the weight.
        bases: shared by all layers.
        number: n, of bases.
        scale: s.
        init: which of the diagonals starts at zero; the update does either way. With
            "lambda_zero" the first step moves lambda alone and all gamma_j are equal, so that the
            update has rank r at most until the second.
        like: whose dtype and device the trained numbers take; those of the bases if None.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        bases: Bases,
        number: int,
        scale: float,
        init: str,
        like: Tensor | None = None,
    ):
        super().__init__()
        self.tall = shape[0] >= shape[1]
        self.long_side, self.short_side = max(shape), min(shape)
        self.bases, self.number_of_bases, self.scale = bases, number, scale
        rank = bases.long.shape[2]
        like = bases.long if like is None else like
        like = like.new_empty(0, dtype=torch.promote_types(like.dtype, torch.float32))
        lam, gam = like.new_zeros(number, rank), like.new_zeros(number, self.short_side)
        if init == "lambda_zero":
            gam += 1 / max(gam.shape)
        else:
            lam += 1 / max(lam.shape)
        self.lam = nn.Parameter(lam)
        self.gam = nn.Parameter(gam)

    def factors(self) -> tuple[Float[Tensor, "out n_r"], Float[Tensor, "n_r in"]]:
        """Bf and s U; for a weight that is wider than tall, their transposes."""
        number = self.number_of_bases
        long = self.bases.left(self.long_side, number, self.lam)
        basis = self.bases.right(self.short_side, number, self.lam)
        short = ScaledBasis.apply(basis, self.lam, self.gam, self.scale).flatten(0, 1)
        return (long, short) if self.tall else (short.mT, long.mT)

    def side(self, x: Float[Tensor, "... in"], site: Site) -> Float[Tensor, "... out"]:
        """See `Adapter.side`; :class:`ThinLayers` keeps less for backward than two layers would.

        Under autocast the products are of its dtype, as a linear layer's are.
        """
        if torch.is_autocast_enabled(x.device.type):
            x = x.to(torch.get_autocast_dtype(x.device.type))
        y = ThinLayers.apply(
            x.reshape(-1, x.shape[-1]),
            self.bases.left(self.long_side, self.number_of_bases, x),
            self.bases.right(self.short_side, self.number_of_bases, self.lam),
            self.lam,
            self.gam,
            self.scale,
            self.tall,
        )
        return y.view(*x.shape[:-1], y.shape[-1])

    def prefers_merged(self, x: Tensor, site: Site) -> bool:
        """Whether forming W0 + s Bf U costs less than two thin layers.

        A token takes n r (D + d) multiply-adds in the thin layers; the weight, D d n r once.
        """
        tokens = x.numel() // x.shape[-1]
        return tokens * (self.long_side + self.short_side) > self.long_side * self.short_side


@dataclass(frozen=True)
class RandLoRAMethod(AdapterMethod):
    """Settings of RandLoRA.

    Attributes:
        rank: r, of one basis: the larger, the FEWER numbers are trained.
        num_bases: n at most; None, and layers that need fewer, take ceil(d / r), with which the
            update has full rank.
        alpha: s is alpha / r.
        scale_by_bases: divide s by sqrt(n) besides.
        init: "lambda_zero" or "gamma_zero".
        law: of the bases.
        seed: of the bases.
        separate: an A for every basis.
        save_bases: keep the bases in saved files.
        compact: hold binary or ternary bases as int8.
    """

    title: ClassVar[str] = "RandLoRA"
    kinds: ClassVar[tuple[str, ...]] = ("linear",)

    rank: int = 32
    num_bases: int | None = None
    alpha: float = 640.0
    scale_by_bases: bool = False
    init: str = "lambda_zero"
    law: Law = field(default_factory=Law)
    seed: int = 0
    separate: bool = False
    save_bases: bool = False
    compact: bool = False

    def validate(self) -> None:
        """Raise InvalidInputError for settings that fit no layer."""
        for name, value in (("rank", self.rank), ("num_bases", self.num_bases)):
            if value is not None and value < 1:
                raise InvalidInputError(f"{name}={value}; allowed: 1 or more.")
        if self.init not in INITS:
            raise InvalidInputError(f"init={self.init!r}; allowed: {', '.join(INITS)}.")
        if not math.isfinite(self.alpha) or self.alpha == 0:
            raise InvalidInputError(f"alpha={self.alpha}; allowed: any finite number but 0.")
        self.law.validate()

    def bases_of(self, site: Site) -> int:
        """n of a layer.

        Raises:
            InvalidInputError: the rank is above the layer's.
        """
        short = min(site.matrix_shape)
        if self.rank > short:
            raise InvalidInputError(
                f"rank={self.rank} is above the {short} of {site.name}, {site.shape}; "
                f"allowed: 1 to {short}."
            )
        most = number_of_bases(short, self.rank)
        return most if self.num_bases is None else min(most, self.num_bases)

    def shared(self, sites: Mapping[str, Site]) -> Bases:
        """Bases at the largest shape: D_m n_m r + r d_m numbers, whatever the depth."""
        shapes = [site.matrix_shape for site in sites.values()]
        bases = Bases(
            max(max(shape) for shape in shapes),
            max(min(shape) for shape in shapes),
            self.rank,
            max(self.bases_of(site) for site in sites.values()),
            self.law,
            self.seed,
            separate=self.separate,
            save=self.save_bases,
            compact=self.compact,
        )
        return bases.to(next(iter(sites.values())).weight.device)

    def build(self, site: Site, shared: Bases, index: int) -> RandLoRA:
        """See `AdapterMethod.build`."""
        number = self.bases_of(site)
        scale = self.alpha / self.rank / (math.sqrt(number) if self.scale_by_bases else 1.0)
        shape = site.matrix_shape
        return RandLoRA(shape, shared, number, scale, self.init, like=site.weight)


def __getattr__(name: str) -> type[RandLoraConfig]:
    """`RandLoraConfig`, which needs peft, only where it is asked for."""
    if name == "RandLoraConfig":
        from papers.randlora.tuner import RandLoraConfig

        return RandLoraConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
