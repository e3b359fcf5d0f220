"""LR2VQ: subvectors of size m, clustered in d dimensions, mapped back by a learnt m x d matrix.

    w_j ~ K c_{b(j)},   K (m, d) for the layer, c_l (d) one of k codewords, b(j) its code

m sets the compression, d the accuracy; d = m with K = I is plain vector quantisation. K and the
codewords train on the loss of the task, the codes stay.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from common.compression.decoded import Decoded
from common.compression.kmeans import assign, kmeans
from common.compression.subvectors import Layout
from common.compression.truncation import Factors, svd
from common.errors import InvalidInputError


class VectorQuantised(nn.Module):
    """A weight as codes of subvectors; without inputs, it gives the weight.

    The weight is decoded once a step: all codewords are mapped, then gathered. The gradient of a
    codeword is the sum over its members; ``mean_gradient`` divides it by their number, without
    which a rate that suits the rest of a network overshoots here.

    Args:
        layout: which entries make a subvector.
        shape: of the weight.
        codes: (n,), 0 to k - 1.
        codebook: (k, d).
        map: (m, d), or None: the codewords are the subvectors (plain vector quantisation, d = m).
        mean_gradient: divide the gradient of each codeword by the number of its members.
    """

    def __init__(
        self,
        layout: Layout,
        shape: torch.Size,
        codes: Int[Tensor, " n"],
        codebook: Float[Tensor, "k d"],
        map: Float[Tensor, "m d"] | None = None,
        *,
        mean_gradient: bool = False,
    ):
        super().__init__()
        self.layout, self.shape, self.dtype = layout, torch.Size(shape), codebook.dtype
        # Up to 256 codewords a code is a byte.
        self.register_buffer(
            "codes", codes.to(torch.uint8 if len(codebook) <= 256 else torch.int32)
        )
        self.codebook = nn.Parameter(codebook.detach().clone())
        self.map = None if map is None else nn.Parameter(map.detach().clone())
        if mean_gradient:
            self.codebook.register_hook(lambda gradient: gradient / self.members()[:, None])

    def members(self) -> Int[Tensor, " k"]:
        """Subvectors of each codeword; 1 of one that has none."""
        return torch.bincount(self.codes.long(), minlength=len(self.codebook)).clamp_min(1)

    def words(self) -> Float[Tensor, "k m"]:
        """Codewords as subvectors, in the type of the weight, whatever they are stored in."""
        words = self.codebook.to(self.dtype)
        return words if self.map is None else words @ self.map.to(self.dtype).mT

    def forward(self) -> Float[Tensor, "out *rest"]:
        return self.layout.join(self.words().index_select(0, self.codes.int()), self.shape)

    @torch.no_grad()
    def orthonormalise(self) -> None:
        """K = Q R: K becomes Q, the codewords take R; what is decoded stays (K and C are defined up
        to an invertible matrix, and their scales would drift)."""
        if self.map is not None:
            Q, R = torch.linalg.qr(self.map.float())
            self.map.copy_(Q)
            self.codebook.copy_(self.codebook.float() @ R.mT)

    @torch.no_grad()
    def reassign(self, weight: Float[Tensor, "out *rest"]) -> int:
        """Give each subvector of a shadow weight the nearest decoded codeword; how many changed."""
        codes, _ = assign(self.layout.cut(weight), self.words())
        changed = int((codes != self.codes.long()).sum())
        self.codes.copy_(codes.to(self.codes.dtype))
        return changed

    @torch.no_grad()
    def to_half(self) -> None:
        """Round codebook and map to float16, as they are stored; they stay trainable."""
        for parameter in (self.codebook, self.map):
            if parameter is not None:
                parameter.copy_(parameter.half())


class LowRankWeight(nn.Module):
    """Subvectors of rank d without codes, ``w_j = K r_j``: the control without clustering, and the
    start of the option ``pretrain_lowrank``.

    Args:
        layout: which entries make a subvector.
        shape: of the weight.
        vectors: (n, d), a row r_j.
        map: (m, d).
    """

    def __init__(
        self,
        layout: Layout,
        shape: torch.Size,
        vectors: Float[Tensor, "n d"],
        map: Float[Tensor, "m d"],
    ):
        super().__init__()
        self.layout, self.shape = layout, torch.Size(shape)
        self.vectors = nn.Parameter(vectors.detach().clone())
        self.map = nn.Parameter(map.detach().clone())

    def forward(self) -> Float[Tensor, "out *rest"]:
        return self.layout.join(self.vectors @ self.map.mT, self.shape)


def subspace(weight: Float[Tensor, "out *rest"], layout: Layout) -> tuple[Tensor, Factors]:
    """The subvectors, a row each, and their singular value decomposition."""
    rows = layout.cut(weight.detach())
    return rows, svd(rows)


def check_sizes(rows: Tensor, dim: int, words: int) -> None:
    """Raises InvalidInputError where d or k is out of range."""
    n, m = rows.shape
    if not 1 <= dim <= m:
        raise InvalidInputError(f"dim={dim}; allowed: 1 to the size of a subvector, {m}.")
    if not 1 <= words <= n:
        raise InvalidInputError(f"words={words}; allowed: 1 to the number of subvectors, {n}.")


def quantise(
    weight: Float[Tensor, "out *rest"],
    layout: Layout,
    dim: int,
    words: int,
    generator: torch.Generator,
    *,
    mean_gradient: bool = False,
) -> VectorQuantised:
    """K from the leading right singular vectors, codewords and codes by k-means on K^T w_j.

    Args:
        dim: d.
        words: k.

    Raises:
        InvalidInputError: d or k is out of range, or a weight is not finite.
    """
    rows, factors = subspace(weight, layout)
    check_sizes(rows, dim, words)
    K = factors.Vh[:dim].mT
    found = kmeans(rows.to(K) @ K, words, generator=generator)
    return VectorQuantised(
        layout,
        weight.shape,
        found.codes,
        found.centres.to(weight.dtype),
        K.to(weight.dtype),
        mean_gradient=mean_gradient,
    )


def quantise_plainly(
    weight: Float[Tensor, "out *rest"],
    layout: Layout,
    words: int,
    generator: torch.Generator,
    *,
    mean_gradient: bool = False,
) -> VectorQuantised:
    """k-means of the subvectors themselves: the control of the same compression."""
    rows = layout.cut(weight.detach())
    check_sizes(rows, layout.size, words)
    found = kmeans(
        rows if rows.dtype == torch.float64 else rows.float(), words, generator=generator
    )
    return VectorQuantised(
        layout,
        weight.shape,
        found.codes,
        found.centres.to(weight.dtype),
        mean_gradient=mean_gradient,
    )


def to_low_rank(weight: Float[Tensor, "out *rest"], layout: Layout, dim: int) -> LowRankWeight:
    """Subvectors on their d leading right singular vectors."""
    rows, factors = subspace(weight, layout)
    check_sizes(rows, dim, 1)
    K = factors.Vh[:dim].mT
    return LowRankWeight(
        layout, weight.shape, (rows.to(K) @ K).to(weight.dtype), K.to(weight.dtype)
    )


def cluster(
    low: LowRankWeight, words: int, generator: torch.Generator, *, mean_gradient: bool = False
) -> VectorQuantised:
    """Codes for trained vectors r_j, the map kept (orthonormal first, so that distances count)."""
    Q, R = torch.linalg.qr(low.map.detach())
    vectors = low.vectors.detach() @ R.mT
    check_sizes(vectors, vectors.shape[1], words)
    found = kmeans(vectors, words, generator=generator)
    return VectorQuantised(
        low.layout, low.shape, found.codes, found.centres, Q, mean_gradient=mean_gradient
    )


class GroupedBlock(nn.Module):
    """The block form: a convolution to (out / m) d channels whose weights are the
    codewords, then the same map d -> m in each group. Equal to the convolution with the decoded
    weight, at fewer multiply-adds.

    Args:
        layer: a quantised convolution whose subvectors lie along the outputs.

    Raises:
        InvalidInputError: subvectors along the inputs, no map, or groups.
    """

    def __init__(self, layer: Decoded):
        super().__init__()
        code = layer.code
        if not isinstance(code, VectorQuantised) or code.layout.order != "along_out":
            raise InvalidInputError("The block form needs subvectors along the outputs.")
        if code.map is None or layer.groups != 1:
            raise InvalidInputError("The block form needs a map, and a convolution without groups.")
        self.layer = layer

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b n v u"]:
        layer, code = self.layer, self.layer.code
        out, inputs, *kernel = code.shape
        m, d = code.map.shape
        groups = -(-out // m)
        # Subvector j belongs to input and kernel position j // groups and to group j % groups.
        words = code.codebook.index_select(0, code.codes.int())
        words = words.reshape(inputs * kernel[0] * kernel[1], groups, d)
        first = words.permute(1, 2, 0).reshape(groups * d, inputs, *kernel)
        x = nn.functional.conv2d(x, first, None, layer.stride, layer.padding, layer.dilation)
        second = code.map.repeat(groups, 1)[:, :, None, None]
        x = nn.functional.conv2d(x, second, None, groups=groups)[:, :out]
        return x if layer.bias is None else x + layer.bias[:, None, None]

    def macs_at_a_position(self) -> int:
        """Closed form: (out / m) d in h w + out d, outputs filled up to a multiple of m."""
        out, inputs, *kernel = self.layer.code.shape
        m, d = self.layer.code.map.shape
        groups = -(-out // m)
        return groups * d * inputs * kernel[0] * kernel[1] + groups * m * d
