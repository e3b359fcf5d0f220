"""Unified low-rank compression (Yu et al. 2024): the same projection for layers and for tables.

A layer's outputs z = W x + b, and a field's looked-up vectors e, are projected onto the r leading
eigenvectors U_r of their own covariance on the training set, around their mean mu:

    layer   W_a = U_r^T W,  b_a = U_r^T b,  W_b = U_r,  b_b = (I - U_r U_r^T) mu
    table   E'_f = (E_f - 1 mu_f^T) U_r,  decoded as  E'_f[id] U_r^T + mu_f

Of all projections of rank r this errs least, by the sum of the eigenvalues left out. The statistics
of a table are those of its looked-up rows: each id counts as often as it occurs in training.

    fused   W_1' block f = W_1 block f U_f,  b_1' = b_1 + sum_f W_1 block f mu_f

Where the first layer of the MLP reads the embeddings, decoding and that layer are one, exactly.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from common.compression.capture import output_moments
from common.compression.features import FeatureBasis
from common.compression.moments import Moments
from common.compression.truncation import left_projection, svd
from common.errors import InvalidInputError
from papers.ctr_lowrank.models.ctr import CtrModel
from papers.ctr_lowrank.models.perceptron import FactorisedLinear
from papers.ctr_lowrank.models.tables import CompressedTables, DenseTables

METHODS = ("afm", "svd")


@dataclass(frozen=True)
class Plan:
    """What is compressed, and how far.

    Attributes:
        method: ``afm`` (outputs, above) or ``svd`` (of the weights: W = P S Q^T gives
            W_a = S_r Q_r^T, W_b = P_r, the bias stays; of a table E_f = P S Q^T gives
            E'_f = P_r S_r, decoded by Q_r^T).
        table_rank: columns of the tables; None leaves them dense.
        layer_rank: of the layers after the first; None leaves them dense. The first shrinks with
            the tables.
        activation: ReLU between the factors, which needs fine-tuning: it is no approximation.
        fuse: let the MLP read the tables as they are stored, where the model allows it.
    """

    method: str = "afm"
    table_rank: int | None = None
    layer_rank: int | None = None
    activation: bool = False
    fuse: bool = True

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidInputError(f"method={self.method!r}; allowed: {', '.join(METHODS)}.")
        if self.table_rank is None and self.layer_rank is None:
            raise InvalidInputError("Neither table_rank nor layer_rank is given: nothing to do.")
        if self.activation and self.layer_rank is None:
            raise InvalidInputError("activation needs layer_rank: there are no factors without it.")


@dataclass(frozen=True)
class Statistics:
    """Of one pass over the training set.

    Attributes:
        layers: of the outputs, before the activation, of the MLP's layers after the first.
        fields: of the looked-up vectors of every field.
    """

    layers: dict[int, FeatureBasis]
    fields: list[FeatureBasis]


def statistics(
    model: CtrModel,
    batches: Iterable[tuple[Int64[Tensor, "b fields"], Float[Tensor, "b numbers"]]],
) -> Statistics:
    """Pass training batches once through a dense model.

    Raises:
        InvalidInputError: the model is compressed already, or there is no batch.
    """
    tables = _dense_tables(model)
    where = tables.weight.device
    counts = [torch.zeros(n, dtype=torch.int64, device=where) for n in tables.vocabularies]
    layers = {str(place): layer for place, layer in enumerate(model.mlp.layers) if place}
    moments = output_moments(model, layers, _counted(batches, counts))
    return Statistics(
        {int(name): FeatureBasis.of(moments[name]) for name in layers},
        [
            FeatureBasis.of(lookup_moments(table, count))
            for table, count in zip(tables.of_fields(), counts, strict=True)
        ],
    )


def lookup_moments(table: Float[Tensor, "n dim"], counts: Int64[Tensor, " n"]) -> Moments:
    """Mean and covariance of looked-up rows, from how often each is looked up."""
    return Moments(table.shape[1], table.device).update(table, counts)


def compress(model: CtrModel, statistics: Statistics, plan: Plan) -> CtrModel:
    """A compressed copy of a dense model.

    Raises:
        InvalidInputError: a rank is out of range.
    """
    tables = _dense_tables(model)
    small = _copy_without(model, tables) if plan.table_rank else copy.deepcopy(model)
    if plan.layer_rank is not None:
        for place in range(1, len(model.mlp.layers)):
            small.mlp.layers[place] = factorised(
                model.mlp.layers[place], statistics.layers[place], plan
            )
    if plan.table_rank is not None:
        small.tables = compressed_tables(tables, statistics.fields, plan)
        if plan.fuse and model.FUSES:
            fuse(small)
    return small.train(model.training)


def factorised(layer: nn.Linear, basis: FeatureBasis, plan: Plan) -> FactorisedLinear:
    """A layer in two factors; computed in float64, kept in the layer's type.

    Raises:
        InvalidInputError: the rank is out of range.
    """
    weight, bias = layer.weight.detach().double(), layer.bias.detach().double()
    rank = _in_range(plan.layer_rank, min(weight.shape), "layer_rank")
    if plan.method == "afm":
        U = basis.vectors[:, :rank]
        first = U.mT @ weight, U.mT @ bias
        second = U, basis.mean - U @ (U.mT @ basis.mean)
    else:
        factors = svd(weight).to_rank(rank)
        first = factors.S[:, None] * factors.Vh, weight.new_zeros(rank)
        second = factors.U, bias
    return FactorisedLinear(
        tuple(x.to(layer.weight.dtype) for x in first),
        tuple(x.to(layer.weight.dtype) for x in second),
        activation=plan.activation,
    )


def compressed_tables(
    tables: DenseTables, bases: list[FeatureBasis], plan: Plan
) -> CompressedTables:
    """All tables at one rank.

    Raises:
        InvalidInputError: the rank is out of range.
    """
    rank = _in_range(plan.table_rank, tables.dim, "table_rank")
    rows, decoders, means = [], [], []
    for table, basis in zip(tables.of_fields(), bases, strict=True):
        wide = table.double()
        if plan.method == "afm":
            U, mean = basis.vectors[:, :rank], basis.mean
        else:
            # All D right singular vectors: a field of fewer ids than the rank has a full decoder.
            U, mean = left_projection(wide.mT)[0][:, :rank], torch.zeros_like(wide[0])
        rows.append(((wide - mean) @ U).to(table.dtype))
        decoders.append(U.mT.to(table.dtype))
        means.append(mean.to(table.dtype))
    return CompressedTables(
        tables.vocabularies, torch.cat(rows), torch.stack(decoders), torch.stack(means)
    )


def fuse(model: CtrModel) -> CtrModel:
    """Fold the decoders into the MLP's first layer, in place; the tables keep them for the
    interaction.

    Raises:
        InvalidInputError: the model's MLP does not begin on the embeddings, or is fused.
    """
    tables = model.tables
    if not model.FUSES or model.fused or not isinstance(tables, CompressedTables):
        raise InvalidInputError(
            f"{type(model).__name__} with {type(tables).__name__} cannot be fused; needed are "
            "compressed tables that are read by a linear layer as well, once."
        )
    first = model.mlp.layers[0]
    embedded = tables.fields * tables.dim
    weight = first.weight.detach().double()
    blocks = weight[:, :embedded].unflatten(1, (tables.fields, tables.dim))
    decoder, mean = tables.decoder.detach().double(), tables.bias.detach().double()
    folded = torch.einsum("mfd,frd->mfr", blocks, decoder).flatten(1)
    model.fused = True
    small = nn.Linear(model.deep_width(), len(weight)).to(first.weight)
    with torch.no_grad():
        small.weight.copy_(torch.cat([folded, weight[:, embedded:]], 1))
        small.bias.copy_(first.bias.double() + torch.einsum("mfd,fd->m", blocks, mean))
    model.mlp.layers[0] = small
    return model


def _counted(batches: Iterable, counts: list[Tensor]) -> Iterator:
    """Pass batches on, adding up how often each id occurs in them."""
    for ids, dense in batches:
        one = counts[0].new_ones(1).expand(len(ids))
        for count, column in zip(counts, ids.mT, strict=True):
            count.index_add_(0, column, one)
        yield ids, dense


def _copy_without(model: CtrModel, tables: nn.Module) -> CtrModel:
    """A deep copy that shares the tables, which are large and replaced next."""
    return copy.deepcopy(model, {id(tables): tables})


def _dense_tables(model: CtrModel) -> DenseTables:
    if not isinstance(model.tables, DenseTables):
        raise InvalidInputError(
            f"The model has {type(model.tables).__name__}; only dense tables can be compressed."
        )
    return model.tables


def _in_range(rank: int, most: int, name: str) -> int:
    if not 1 <= rank <= most:
        raise InvalidInputError(f"{name}={rank}; allowed: 1 to {most}.")
    return rank
