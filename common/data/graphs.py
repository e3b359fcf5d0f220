"""Cora, Airport and Disease: graphs whose nodes have features, with held-out nodes or links.

Cora is the Planetoid cut (Yang et al. 2016) with its public split; Airport and Disease come from
HGCN (Chami et al. 2019). None of them is carried by a package: they are read from `graphs/` of the
local source, whose content has to be the genuine one, proved by a hash.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from common.data.blocks import block_rng
from common.data.context import DataContext
from common.data.draws import shuffled, uniform_integers
from common.data.prepared import Arrays, content_sha256, key, prepare, prepared_path
from common.data.specs.graph import GraphSpec
from common.errors import CorruptDataError, MissingDataError

_FOLDER = "graphs"


@dataclass(frozen=True)
class _Graph:
    title: str
    file: str
    content_sha256: str  # of the arrays in the file (`prepared.content_sha256`)
    arrays: str  # what the file holds, for who has to make it
    address: str
    nodes: int
    n_classes: int


_GRAPHS = {
    "cora": _Graph(
        "Cora (Planetoid cut)",
        "cora.npz",
        "f288e2694dc6c585757968a5e064be0981aa928d885cdafca537a59bdd17e07c",
        "edges (5278, 2) int32, each once, the smaller node first, sorted; labels (2708,) int16; "
        "feat_data float32, feat_indices and feat_indptr int32, feat_shape int64 (CSR of the 0/1 "
        "features); train, val, test int32",
        "https://github.com/tkipf/gcn (gcn/data/ind.cora.*)",
        2708,
        7,
    ),
    "airport": _Graph(
        "Airport (Chami et al. 2019)",
        "airport.npz",
        "f8e0e2b1c7770417543ab2acd52af10060501dda4ffc340927dce0f994c90e66",
        "edges (18630, 2) int32, each once, the smaller node first; features (3188, 5) float32",
        "https://github.com/HazyResearch/hgcn (data/airport/airport.p)",
        3188,
        4,
    ),
    "disease": _Graph(
        "Disease, link prediction (Chami et al. 2019)",
        "disease_lp.npz",
        "eaa4c1e9bd8098a244356d7eba93b753652dbd104108ec0b6720820b6d2122b6",
        "edges (2664, 2) int32, each once, the smaller node first; labels (2665,) int64; features "
        "(2665, 11) float32",
        "https://github.com/HazyResearch/hgcn (data/disease_lp/)",
        2665,
        2,
    ),
}
_DAMAGE = (zipfile.BadZipFile, ValueError, KeyError, EOFError, OSError)


@dataclass(frozen=True)
class GraphData:
    """A graph and what is held out of it.

    Attributes:
        name: of the source.
        features: of the nodes, float32.
        labels: class of each node.
        n_classes: their number.
        edges: those that a model may see, each once; under "nodes" all.
        nodes: split -> nodes; empty under "links".
        links: split -> (linked pairs, unlinked pairs); of "train" there are no unlinked ones: a
            training draws its own. Empty under "nodes".
        source: what the data are, in a line.
        content_sha256: of the prepared file.
        key: of the prepared file.
        is_paper_data: they are those of the papers.
        notes: what a reader of a result table has to know.
    """

    name: str
    features: Float[Tensor, "n d"]
    labels: Int64[Tensor, " n"]
    n_classes: int
    edges: Int64[Tensor, "e 2"]
    nodes: dict[str, Int64[Tensor, " p"]]
    links: dict[str, tuple[Int64[Tensor, "a 2"], Int64[Tensor, "b 2"]]]
    source: str
    content_sha256: str
    key: str
    is_paper_data: bool = True
    notes: list[str] = field(default_factory=list)

    def adjacency(self) -> Float[Tensor, "n n"]:
        """Sparse, with self loops, each row divided by its sum."""
        n = len(self.features)
        loops = torch.arange(n)
        rows = torch.cat([self.edges[:, 0], self.edges[:, 1], loops])
        columns = torch.cat([self.edges[:, 1], self.edges[:, 0], loops])
        degree = torch.bincount(rows, minlength=n).float()
        values = 1 / degree[rows]
        places = torch.stack([rows, columns])
        whole = torch.sparse_coo_tensor(places, values, (n, n), check_invariants=True)
        return whole.coalesce()


def load(spec: GraphSpec, context: DataContext) -> GraphData:
    """The graph, with the split that the spec asks for.

    Raises:
        MissingDataError: its file is not in the local source.
        CorruptDataError: the file is damaged or holds another graph.
    """
    one = _GRAPHS[spec.source]

    def decode() -> tuple[Arrays, dict[str, Any]]:
        return _decoded(_read(spec.source, context), spec.source), {}

    prepared = prepare(context, _FOLDER, spec.source, decode)
    arrays = prepared.arrays
    edges = torch.from_numpy(arrays["edges"].astype(np.int64))
    nodes: dict[str, Tensor] = {}
    links: dict[str, tuple[Tensor, Tensor]] = {}
    if spec.task == "nodes":
        nodes = _held_out_nodes(spec, arrays, one.nodes)
    else:
        links = _held_out_links(spec, edges, one.nodes)
        edges = links["train"][0]
    return GraphData(
        name=spec.source,
        features=torch.from_numpy(arrays["features"]),
        labels=torch.from_numpy(arrays["labels"].astype(np.int64)),
        n_classes=one.n_classes,
        edges=edges,
        nodes=nodes,
        links=links,
        source=one.title,
        content_sha256=prepared.content_sha256,
        key=prepared_key(spec),
    )


def available(spec: GraphSpec, context: DataContext) -> str | None:
    """None, or what has to be put where."""
    if prepared_path(context, _FOLDER, spec.source).exists():
        return None
    found = context.local(_FOLDER, _GRAPHS[spec.source].file)
    return None if found else str(_missing(spec.source, context))


def prepared_key(spec: GraphSpec) -> str:
    """One file a graph serves all splits of it."""
    return key(_FOLDER, spec.source)


def unlinked_pairs(
    edges: Int64[Tensor, "e 2"], nodes: int, count: int, seed: int, block: int = 0
) -> Int64[Tensor, "c 2"]:
    """Different pairs i < j that are no edges, drawn at random; a function of seed and block.

    Args:
        edges: each once, in either order.
        nodes: number of them.
        count: of pairs.
        seed: of the draw.
        block: which draw of that seed.
    """
    taken = set((edges.min(1).values * nodes + edges.max(1).values).tolist())
    rng, found = block_rng(seed, block), []
    while len(found) < count:
        wanted = 2 * (count - len(found)) + 16
        drawn = uniform_integers(rng, 0, nodes - 1, 2 * wanted).reshape(-1, 2)
        for i, j in drawn.tolist():
            code = min(i, j) * nodes + max(i, j)
            if i != j and code not in taken and len(found) < count:
                taken.add(code)
                found.append((min(i, j), max(i, j)))
    return torch.tensor(found, dtype=torch.int64).reshape(-1, 2)


def _held_out_nodes(spec: GraphSpec, arrays: Arrays, n: int) -> dict[str, Tensor]:
    if spec.source == "cora":
        return {s: torch.from_numpy(arrays[s].astype(np.int64)) for s in ("train", "val", "test")}
    order = torch.from_numpy(shuffled(block_rng(spec.split_seed, 0), n).astype(np.int64))
    val, test = round(spec.val * n), round(spec.test * n)
    return {"val": order[:val], "test": order[val : val + test], "train": order[val + test :]}


def _held_out_links(spec: GraphSpec, edges: Tensor, n: int) -> dict[str, tuple[Tensor, Tensor]]:
    order = torch.from_numpy(shuffled(block_rng(spec.split_seed, 0), len(edges)).astype(np.int64))
    val, test = round(spec.val * len(edges)), round(spec.test * len(edges))
    unlinked = unlinked_pairs(edges, n, val + test, spec.split_seed, 1)
    return {
        "val": (edges[order[:val]], unlinked[:val]),
        "test": (edges[order[val : val + test]], unlinked[val:]),
        "train": (edges[order[val + test :]], unlinked[:0]),
    }


def _decoded(arrays: Arrays, source: str) -> Arrays:
    """edges, features, labels; and Cora's split."""
    edges = arrays["edges"]
    if source == "cora":
        rows, columns = (int(x) for x in arrays["feat_shape"])
        features = np.zeros((rows, columns), dtype=np.float32)
        of_row = np.repeat(np.arange(rows), np.diff(arrays["feat_indptr"]))
        features[of_row, arrays["feat_indices"]] = arrays["feat_data"]
        features /= np.maximum(features.sum(1, keepdims=True), 1)
        split = {name: arrays[name] for name in ("train", "val", "test")}
        return {"edges": edges, "features": features, "labels": arrays["labels"]} | split
    if source == "airport":
        columns = arrays["features"]
        classes = np.digitize(columns[:, 4], [1.0, 8.0 / 7, 9.0 / 7]).astype(np.int64)
        return {"edges": edges, "features": columns[:, :4].copy(), "labels": classes}
    return {"edges": edges, "features": arrays["features"], "labels": arrays["labels"]}


def _read(source: str, context: DataContext) -> Arrays:
    one = _GRAPHS[source]
    path = context.local(_FOLDER, one.file)
    if path is None:
        raise _missing(source, context)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _DAMAGE as error:
        raise CorruptDataError(f"{path} is not a whole .npz ({error}). Get it anew.") from error
    found = content_sha256(arrays)
    if found != one.content_sha256:
        raise CorruptDataError(
            f"{path} does not hold {one.title}: its content has SHA-256 {found}, expected "
            f"{one.content_sha256} ({one.arrays}). Get it anew."
        )
    return arrays


def _missing(source: str, context: DataContext) -> MissingDataError:
    one = _GRAPHS[source]
    place: Path | str = context.local_source or "the folder that data.local_source names"
    return MissingDataError(
        f"{one.title}: {one.file}",
        f"No package carries it. Get it from {one.address} and put it as {place}/{_FOLDER}/"
        f"{one.file}, a .npz with {one.arrays} (SHA-256 of the content {one.content_sha256}).",
    )
