"""Linear layers that are stored and trained as their singular value decomposition (Section 4).

W = U diag(s) Vᵀ with all k = min(m, n) triples at all times: nothing is truncated. In each step all
of s is trained, and of the vectors those of ``rank`` triples, the active ones; the others are
frozen and carry neither a gradient nor any state of an optimiser. Which triples are active is
redrawn from time to time (``papers.sst.course``).
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from common.errors import InvalidInputError

ENHANCED, DEFAULT = "enhanced", "default"
SVD, RANDOM = "svd", "random"


class SpectralProduct(torch.autograd.Function):
    """h = U (s * Vᵀ x) + bias, whose backward pass never forms the (m, n) gradient G = gᵀ x.

    With y = Vᵀ x and g = dL/dh: dL/ds = sum over rows of (g U) * y, G V_S = gᵀ y_S,
    Gᵀ U_S = xᵀ (g U_S) (Appendix B). Vectors get these two as they are (``enhanced``; no partial
    derivatives) or times s_S (``default``; the partial derivatives). Gradients of s, x and the bias
    are exact in both.
    """

    @staticmethod
    def forward(
        ctx,
        x: Float[Tensor, "*b n"],
        active_U: Float[Tensor, "m r"],
        active_V: Float[Tensor, "n r"],
        frozen_U: Float[Tensor, "m q"],
        frozen_V: Float[Tensor, "n q"],
        s: Float[Tensor, " k"],
        order: Int[Tensor, " k"],
        bias: Float[Tensor, " m"] | None,
        enhanced: bool,
    ) -> Float[Tensor, "*b m"]:
        rank = active_U.shape[1]
        rows = x.reshape(-1, x.shape[-1])
        y_active, y_frozen = rows @ active_V, rows @ frozen_V
        s_active, s_frozen = s[order[:rank]], s[order[rank:]]
        scaled = y_active * s_active
        h = scaled @ active_U.T if bias is None else torch.addmm(bias, scaled, active_U.T)
        h = h.addmm_(y_frozen * s_frozen, frozen_U.T)
        ctx.save_for_backward(
            rows, active_U, active_V, frozen_U, frozen_V, s, order, y_active, y_frozen
        )
        ctx.enhanced, ctx.shape = enhanced, x.shape
        return h.reshape(*x.shape[:-1], h.shape[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Float[Tensor, "*b m"]):
        rows, active_U, active_V, frozen_U, frozen_V, s, order, y_active, y_frozen = (
            ctx.saved_tensors
        )
        rank = active_U.shape[1]
        s_active, s_frozen = s[order[:rank]], s[order[rank:]]
        g = grad.reshape(-1, grad.shape[-1])
        z_active, z_frozen = g @ active_U, g @ frozen_U
        grad_x = grad_U = grad_V = grad_s = grad_bias = None
        if ctx.needs_input_grad[5]:
            by_position = torch.cat([(z_active * y_active).sum(0), (z_frozen * y_frozen).sum(0)])
            grad_s = torch.empty_like(s).index_copy_(0, order, by_position)
        if ctx.needs_input_grad[1]:
            grad_U = g.T @ y_active
            if not ctx.enhanced:
                grad_U *= s_active
        if ctx.needs_input_grad[2]:
            grad_V = rows.T @ z_active
            if not ctx.enhanced:
                grad_V *= s_active
        if ctx.needs_input_grad[7]:
            grad_bias = g.sum(0)
        if ctx.needs_input_grad[0]:
            grad_x = (z_active * s_active) @ active_V.T
            grad_x = grad_x.addmm_(z_frozen * s_frozen, frozen_V.T).reshape(ctx.shape)
        return grad_x, grad_U, grad_V, None, None, grad_s, None, grad_bias, None


class SpectralLinear(nn.Module):
    """A linear layer in the place of ``nn.Linear(in_features, out_features)``.

    ``order`` lists the k triples: at its first ``rank`` places stand the active ones, whose vectors
    are the parameters ``U`` (m, rank) and ``V`` (n, rank); those of the others are the buffers
    ``frozen_U`` (m, k - rank) and ``frozen_V`` (n, k - rank). ``s`` (k) has its own order, which a
    redraw does not touch.

    Args:
        in_features: n.
        out_features: m.
        rank: r, active triples.
        bias: whether there is one.
        gradient: of the vectors, ``enhanced`` (the paper's choice) or ``default``.
        device: as of ``nn.Linear``; on "meta" nothing is allocated.
        dtype: see ``device``.

    Raises:
        InvalidInputError: ``rank`` is not 1 to min(m, n), or there is no such gradient.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        rank: int,
        *,
        bias: bool = True,
        gradient: str = ENHANCED,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        super().__init__()
        k = min(in_features, out_features)
        if not 1 <= rank <= k:
            raise InvalidInputError(
                f"rank={rank}; a layer of {out_features} x {in_features} has {k} singular values: "
                f"allowed are 1 to {k}."
            )
        if gradient not in (ENHANCED, DEFAULT):
            raise InvalidInputError(f"gradient={gradient!r}; allowed: {ENHANCED}, {DEFAULT}.")
        self.in_features, self.out_features, self.rank = in_features, out_features, rank
        self.gradient = gradient
        like = {"device": device, "dtype": dtype}
        # Unit vectors, so that `constrain` divides by no zero; the layer is 0 until it is given
        # triples.
        U, V = torch.eye(out_features, k, **like), torch.eye(in_features, k, **like)
        self.U, self.V = nn.Parameter(U[:, :rank].clone()), nn.Parameter(V[:, :rank].clone())
        self.s = nn.Parameter(torch.zeros(k, **like))
        self.bias = nn.Parameter(torch.zeros(out_features, **like)) if bias else None
        self.register_buffer("frozen_U", U[:, rank:].clone())
        self.register_buffer("frozen_V", V[:, rank:].clone())
        self.register_buffer("order", torch.arange(k, device=device))

    @classmethod
    def from_linear(
        cls, linear: nn.Linear, rank: int, *, gradient: str = ENHANCED, start: str = SVD
    ) -> SpectralLinear:
        """A layer that computes what ``linear`` computes; its device and dtype.

        Args:
            linear: stays as it is.
            rank: active triples.
            gradient: see the class.
            start: ``svd``, or ``random``: random orthogonal vectors, drawn from the global
                generator, with the singular values of ``linear``, whose function is lost (the
                ablation).

        Raises:
            InvalidInputError: as the class; or there is no such start, or the weight is not finite.
        """
        if start not in (SVD, RANDOM):
            raise InvalidInputError(f"start={start!r}; allowed: {SVD}, {RANDOM}.")
        weight = linear.weight.detach()
        layer = cls(
            linear.in_features,
            linear.out_features,
            rank,
            bias=linear.bias is not None,
            gradient=gradient,
            device=weight.device,
            dtype=weight.dtype,
        )
        if weight.is_meta:
            return layer
        if not weight.isfinite().all():
            raise InvalidInputError(
                "The weight to be decomposed has entries that are not finite. Start from another."
            )
        if linear.bias is not None:
            with torch.no_grad():
                layer.bias.copy_(linear.bias)
        if start == RANDOM:
            singular = torch.linalg.svdvals(weight.double())
            layer.set_triples(
                random_columns(weight.shape[0], len(singular), weight),
                singular,
                random_columns(weight.shape[1], len(singular), weight),
            )
        else:
            layer.decompose(weight)
        return layer

    def forward(self, x: Float[Tensor, "*b n"]) -> Float[Tensor, "*b m"]:
        """All k triples take part."""
        floats = (x, self.U, self.V, self.frozen_U, self.frozen_V, self.s)
        bias = self.bias
        if torch.is_autocast_enabled(x.device.type):
            dtype = torch.get_autocast_dtype(x.device.type)
            floats = tuple(t.to(dtype) for t in floats)
            bias = None if bias is None else bias.to(dtype)
        return SpectralProduct.apply(*floats, self.order, bias, self.gradient == ENHANCED)

    @property
    def active(self) -> Int[Tensor, " r"]:
        """Indexes of the active triples."""
        return self.order[: self.rank]

    @torch.no_grad()
    def triples(
        self,
    ) -> tuple[Float[Tensor, "m k"], Float[Tensor, " k"], Float[Tensor, "n k"]]:
        """U, s, V in the order of ``s``; copies."""
        back = torch.argsort(self.order)
        U = torch.cat([self.U, self.frozen_U], 1)[:, back]
        V = torch.cat([self.V, self.frozen_V], 1)[:, back]
        return U, self.s.clone(), V

    def weight(self) -> Float[Tensor, "m n"]:
        """U diag(s) Vᵀ, a new matrix."""
        U, s, V = self.triples()
        return (U * s) @ V.T

    @torch.no_grad()
    def set_triples(
        self, U: Float[Tensor, "m k"], s: Float[Tensor, " k"], V: Float[Tensor, "n k"]
    ) -> None:
        """Put these in place of all triples; which indexes are active stays."""
        self.s.copy_(s)
        for whole, active, frozen in ((U, self.U, self.frozen_U), (V, self.V, self.frozen_V)):
            active.copy_(whole[:, self.order[: self.rank]])
            frozen.copy_(whole[:, self.order[self.rank :]])

    def decompose(self, weight: Float[Tensor, "m n"] | None = None) -> None:
        """The triples of the thin SVD of ``weight``; None: of what the layer holds, which restores
        the orthogonality that independent updates of columns lose.

        The order and the signs of triples may change: the state that an optimiser keeps of them
        belongs to others afterwards.
        """
        weight = self.weight() if weight is None else weight
        # Half precision has no SVD.
        wide = weight if weight.dtype == torch.float64 else weight.float()
        U, s, Vh = torch.linalg.svd(wide, full_matrices=False)
        self.set_triples(U, s, Vh.T)

    @torch.no_grad()
    def activate(self, chosen: Int[Tensor, " r"]) -> None:
        """Make these triples the active ones; only those that enter or leave are moved.

        Raises:
            InvalidInputError: they are not ``rank`` different indexes.
        """
        k = len(self.s)
        if chosen.shape != (self.rank,) or len(chosen.unique()) != self.rank:
            raise InvalidInputError(
                f"{chosen.tolist()} are not {self.rank} different indexes of 0 to {k - 1}."
            )
        wanted = torch.zeros(k, dtype=torch.bool, device=self.order.device)
        wanted[chosen] = True
        is_wanted = wanted[self.order]
        leaving = torch.nonzero(~is_wanted[: self.rank]).flatten()
        entering = torch.nonzero(is_wanted[self.rank :]).flatten()
        for active, frozen in ((self.U, self.frozen_U), (self.V, self.frozen_V)):
            held = active[:, leaving]
            active[:, leaving] = frozen[:, entering]
            frozen[:, entering] = held
        held = self.order[leaving]
        self.order[leaving] = self.order[entering + self.rank]
        self.order[entering + self.rank] = held

    @torch.no_grad()
    def constrain(self) -> None:
        """After a step: active columns back to length 1, s to its positive part."""
        for columns in (self.U, self.V):
            columns /= columns.norm(dim=0, keepdim=True)
        self.s.clamp_(min=0)

    @torch.no_grad()
    def orthogonality_error(self) -> float:
        """Largest entry of UᵀU - I and of VᵀV - I."""
        U, s, V = self.triples()
        one = torch.eye(len(s), dtype=s.dtype, device=s.device)
        return max(float((x.T @ x - one).abs().max()) for x in (U, V))

    def to_linear(self) -> nn.Linear:
        """A dense layer of the same function."""
        with torch.no_grad():
            weight = self.weight()
            linear = nn.Linear(
                self.in_features,
                self.out_features,
                self.bias is not None,
                device=weight.device,
                dtype=weight.dtype,
            )
            linear.weight.copy_(weight)
            if self.bias is not None:
                linear.bias.copy_(self.bias)
        return linear

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, rank={self.rank}, "
            f"bias={self.bias is not None}, gradient={self.gradient}"
        )


def random_columns(rows: int, columns: int, like: Tensor) -> Float[Tensor, "m k"]:
    """Random orthonormal columns, of ``like``'s device and dtype."""
    drawn = torch.randn(rows, columns, device=like.device, dtype=torch.float64)
    return torch.linalg.qr(drawn)[0].to(like.dtype)
