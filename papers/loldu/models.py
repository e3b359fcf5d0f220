"""LoLDU (Section 3): W(z) = R + sigma P L_r diag(z) U_r, of which only z is trained.

W0 = P L diag(D) U is the weight's own LDU decomposition, L_r, D_r and U_r its first r atoms, and
R = W0 - sigma P L_r diag(D_r) U_r what is left. With z = D_r at the start the layer is unchanged.

The weight itself is never overwritten: the layer computes W0 + P L_r diag(c) U_r with
c = sigma z - sigma_0 D_r, which is the same in exact arithmetic.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from common.adapters.adapter import Adapter
from common.adapters.method import AdapterMethod
from common.adapters.sites import Site
from common.errors import InvalidInputError
from papers.loldu.decompositions import ATOMS, Atoms, decompose, ldu, of_columns

if TYPE_CHECKING:
    from papers.loldu.tuner import LoLDUConfig

INITS = (
    "ldu",
    "constant",
    "uniform",
    "normal",
    "std_uniform",
    "std_normal",
    "ones",
    "zeros",
)


class DiagonalAtoms(Adapter):
    """Fixed columns and rows, and one trained number for each pair.

    Args:
        site: the layer with W0; the hash of W0 is kept, as z means nothing on another.
        atoms: the first r of a decomposition of it.
        start: z before training.
        scale: sigma_0.
        decay: "delta": what is trained is z - D_r, so that weight decay pulls towards W0; "z": z
            itself, so that it pulls towards R, as in the paper.
        train_scale: train sigma too (r + 1 numbers, as the text counts them).
    """

    def __init__(
        self,
        site: Site,
        atoms: Atoms,
        start: Float[Tensor, " r"],
        scale: float,
        decay: str,
        train_scale: bool,
    ):
        super().__init__()
        dtype = torch.promote_types(site.weight.dtype, torch.float32)
        self.register_buffer("left", atoms.left.to(dtype), persistent=False)
        self.register_buffer("right", atoms.right.to(dtype), persistent=False)
        self.register_buffer("pivots", atoms.values.to(dtype), persistent=False)
        self.scale = scale
        self.by_delta = decay == "delta"
        shift = atoms.values if self.by_delta else 0
        self.z = nn.Parameter((start - shift).to(dtype))
        self.sigma = nn.Parameter(self.z.new_tensor([scale])) if train_scale else None
        # Saved beside z: which rows the pivots stand in, and of which weight.
        order = None if atoms.order is None else atoms.order.to(torch.int32)
        self.register_buffer("order", order)
        self.register_buffer("columns", atoms.columns, persistent=False)
        self.register_buffer("base", fingerprint(site.weight).to(site.weight.device))
        self._site = (site,)  # in a tuple: the layer is no part of its adapter

    def coefficients(self) -> Float[Tensor, " r"]:
        """c = sigma z - sigma_0 D_r."""
        pivots = self.pivots.to(self.dtype)
        if self.sigma is None:
            return self.scale * (self.z if self.by_delta else self.z - pivots)
        z = self.z + pivots if self.by_delta else self.z
        return self.sigma * z - self.scale * pivots

    def factors(self) -> tuple[Float[Tensor, "out r"], Float[Tensor, "r rest"]]:
        """P L_r and diag(c) U_r."""
        right = self.right.to(self.dtype)
        return self.left.to(self.dtype), self.coefficients()[:, None] * right

    def side(self, x: Shaped[Tensor, "..."], site: Site) -> Tensor:
        """For backward a linear layer keeps U_r x and c: r numbers a token, and r."""
        if site.kind != "linear":
            return super().side(x, site)
        narrow = F.linear(x, self.right.to(self.dtype)) * self.coefficients()
        return F.linear(narrow, self.left.to(self.dtype))

    def prefers_merged(self, x: Tensor, site: Site) -> bool:
        """Whether forming the weight costs less than two thin layers, which few atoms do not."""
        if site.kind != "linear":
            return super().prefers_merged(x, site)
        rows, columns = site.shape
        tokens = x.numel() // columns
        wide = 2 * len(self.pivots) >= min(rows, columns)
        return wide and tokens * (rows + columns) > 2 * rows * columns

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: Any) -> None:
        """Refuse what was trained on another weight; take the saved order of rows."""
        saved, errors = state_dict.get(prefix + "base"), args[-1]
        if saved is not None and not torch.equal(saved.cpu(), self.base.cpu()):
            errors.append(
                f"{prefix}z was trained on another base weight: its SHA-256 differs from that of "
                f"this model's. Load the model that it was trained on."
            )
            return
        order = state_dict.get(prefix + "order")
        if self.order is not None and order is not None and order.shape == self.order.shape:
            if not torch.equal(order.cpu().long().sort().values, torch.arange(len(order))):
                errors.append(f"{prefix}order names a row twice: the file is damaged.")
                return
            self._follow(order.to(self.order))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _follow(self, order: Tensor) -> None:
        """Take the atoms of another order of rows, as another LAPACK may have chosen."""
        if torch.equal(order, self.order):
            return
        (site,) = self._site
        weight = site.weight.reshape(site.matrix_shape)
        if self.columns is None:
            atoms = ldu(weight, order.long()).first(len(self.pivots))
        else:
            atoms = of_columns(weight, self.columns, order.long()).first(len(self.pivots))
        self.left.copy_(atoms.left)
        self.right.copy_(atoms.right)
        self.pivots.copy_(atoms.values)


@dataclass(frozen=True)
class LoLDUMethod(AdapterMethod):
    """Settings of LoLDU.

    Attributes:
        rank: r, of the trained pivots.
        alpha: sigma_0 is alpha / r; None takes r, as every setting of the paper does.
        init: z at the start: "ldu" (D_r), "constant" (their mean), "uniform" (within half their
            mean's size), "normal" (of their mean and deviation), "std_uniform" (-1 to 1),
            "std_normal", "ones", "zeros". All but "ldu" change the model before it is trained.
        atoms: "ldu", or for comparison "complete", "shuffled", "svd", "random".
        decay: "delta" or "z"; see `DiagonalAtoms`.
        train_scale: train sigma too.
        seed: of random atoms, orders and starts.
    """

    title: ClassVar[str] = "LoLDU"

    rank: int = 64
    alpha: float | None = None
    init: str = "ldu"
    atoms: str = "ldu"
    decay: str = "delta"
    train_scale: bool = False
    seed: int = 0

    def validate(self) -> None:
        """Raise InvalidInputError for settings that fit no layer."""
        if self.rank < 1:
            raise InvalidInputError(f"rank={self.rank}; allowed: 1 or more.")
        if self.alpha is not None and (not math.isfinite(self.alpha) or self.alpha == 0):
            raise InvalidInputError(f"alpha={self.alpha}; allowed: any finite number but 0.")
        for name, allowed in (("init", INITS), ("atoms", ATOMS), ("decay", ("delta", "z"))):
            if getattr(self, name) not in allowed:
                raise InvalidInputError(
                    f"{name}={getattr(self, name)!r}; allowed: {', '.join(allowed)}."
                )

    def build(self, site: Site, shared: Any, index: int) -> DiagonalAtoms:
        """See `AdapterMethod.build`."""
        most = min(site.matrix_shape)
        if self.rank > most:
            raise InvalidInputError(
                f"rank={self.rank} is above the {most} of {site.name}, {site.shape}; allowed: 1 to "
                f"{most}."
            )
        seed = self.seed + index
        weight = site.weight.reshape(site.matrix_shape)
        atoms = decompose(weight, self.atoms, seed).first(self.rank)
        start = starting_values(atoms.values, self.init, seed)
        scale = 1.0 if self.alpha is None else self.alpha / self.rank
        return DiagonalAtoms(site, atoms, start, scale, self.decay, self.train_scale)


def starting_values(pivots: Float[Tensor, " r"], init: str, seed: int) -> Float[Tensor, " r"]:
    """z before training, by name."""
    generator = torch.Generator().manual_seed(seed)
    mean, spread = pivots.mean(), pivots.std(unbiased=False)
    uniform = 2 * torch.rand(len(pivots), generator=generator).to(pivots) - 1
    normal = torch.randn(len(pivots), generator=generator).to(pivots)
    return {
        "ldu": pivots,
        "constant": mean.expand_as(pivots),
        "uniform": uniform * mean.abs() / 2,
        "normal": mean + spread * normal,
        "std_uniform": uniform,
        "std_normal": normal,
        "ones": torch.ones_like(pivots),
        "zeros": torch.zeros_like(pivots),
    }[init]


def fingerprint(weight: Tensor) -> Shaped[Tensor, "32"]:
    """SHA-256 of a weight's numbers as float32."""
    numbers = weight.detach().float().cpu().contiguous().numpy()
    return torch.tensor(list(hashlib.sha256(numbers.tobytes()).digest()), dtype=torch.uint8)


def __getattr__(name: str) -> type[LoLDUConfig]:
    """`LoLDUConfig`, which needs peft, only where it is asked for."""
    if name == "LoLDUConfig":
        from papers.loldu.tuner import LoLDUConfig

        return LoLDUConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
