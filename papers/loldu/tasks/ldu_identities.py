"""U1: the decomposition, and the start of a layer; U3: its gradient; U5: the structure that
elimination leaves; U16: a merged layer."""

from __future__ import annotations

import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from common.adapters.plain import adapt, merge, remove
from common.adapters.sites import site
from common.data.catalogue import load
from common.experiment.context import RunContext, TaskResult, data_entry
from papers.loldu.decompositions import Atoms, ldu
from papers.loldu.models import LoLDUMethod


def run(context: RunContext) -> TaskResult:
    """Largest errors over random shapes, float64 unless named otherwise, relative to the matrix.

    ``reconstruction_*``: also from factors cast to float32, and of every linear layer of the
    encoder; ``logits_*``: of the encoder before training and after a merge."""
    task = context.config.task
    generator = torch.Generator().manual_seed(context.config.seed)
    weights = [_random(generator, i) for i in range(task.shapes)]
    encoder = load(OmegaConf.to_object(task.weights), context.data)
    metrics = {
        "reconstruction": max(_error(ldu(w), w) for w in weights),
        "reconstruction_float32": max(_error(_cast(ldu(w)), w) for w in weights),
        "gradient": max(gradient_error(i) for i in range(task.layers)),
        "saved_part": saved_part(),
    }
    structure = [structure_errors(i) for i in range(task.layers)]
    metrics |= {name: max(one[name] for one in structure) for name in structure[0]}
    metrics["determinant"] = max(determinant_error(i) for i in range(task.layers))
    metrics |= on_the_encoder(encoder.model(), task)
    return TaskResult(metrics, [data_entry(encoder)])


def on_the_encoder(model: nn.Module, task) -> dict[str, float]:
    """Of a trained encoder: its layers' factors, and its outputs before and after."""
    layers = [m for m in model.encoder.modules() if isinstance(m, nn.Linear)]
    worst = max(_error(_cast(ldu(layer.weight)), layer.weight.double()) for layer in layers)
    tokens = torch.randint(1000, 20_000, (4, 24), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = model(tokens)
        adapters = adapt(model, LoLDUMethod(rank=task.rank), include=["*.query", "*.value"])
        start = (model(tokens) - before).abs().max()
        for adapter in adapters.values():
            adapter.z += 0.05 * torch.randn(
                adapter.z.shape, generator=torch.Generator().manual_seed(1)
            )
        changed = model(tokens)
        merge(model)
        remove(model)
        merged = (model(tokens) - changed).abs().max()
    return {
        "reconstruction_encoder": worst,
        "logits_at_start": float(start),
        "logits_merged": float(merged),
        "moved": float((changed - before).abs().max()),
        "adapted_modules_left": sum("Adapted" in type(m).__name__ for m in model.modules()),
    }


def gradient_error(seed: int) -> float:
    """Autograd's gradient of z against (P l_i)^T G u_i, relative."""
    torch.manual_seed(seed)
    place = site("layer", nn.Linear(7 + seed % 5, 9).double())
    update = LoLDUMethod(rank=5, alpha=10.0).build(place, None, 0)
    nn.init.normal_(update.z)
    x, grad = torch.randn(11, place.shape[1]).double(), torch.randn(11, 9).double()
    (update.side(x, place) * grad).sum().backward()
    atoms = ldu(place.weight)
    product = grad.mT @ x
    expected = 2.0 * ((atoms.left[:, :5].mT @ product) * atoms.right[:5]).sum(1)
    return float((update.z.grad - expected).norm() / expected.norm())


def saved_part() -> float:
    """Numbers kept for backward by a layer, over T r + r."""
    torch.manual_seed(0)
    tokens, rank = 100, 8
    place = site("layer", nn.Linear(48, 64))
    update = LoLDUMethod(rank=rank).build(place, None, 0)
    held = {t.untyped_storage().data_ptr() for t in (*update.buffers(), *update.parameters())}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in held:
            kept[storage.data_ptr()] = storage.nbytes() // tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        update.side(torch.randn(tokens, 48), place)
    return sum(kept.values()) / (tokens * rank + rank)


def structure_errors(seed: int) -> dict[str, float]:
    """``skeleton``: P L_r D_r U_r against C M^-1 R, the first columns and the pivot rows;
    ``zero_block``: what is left on these; ``rank_left``: its rank against rank(W0) - r;
    ``row_order``: factors of the same rows in another order."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = (int(n) for n in torch.randint(6, 24, (2,), generator=generator))
    weight = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    rank = int(torch.randint(1, min(rows, columns), (), generator=generator))
    atoms = ldu(weight)
    part, pivots = atoms.first(rank).matrix(), atoms.order[:rank]
    skeleton = weight[:, :rank] @ torch.linalg.solve(weight[pivots, :rank], weight[pivots])
    left = weight - part
    moved = ldu(weight[torch.randperm(rows, generator=generator)])
    return {
        "skeleton": float((part - skeleton).norm() / weight.norm()),
        "zero_block": float(max(left[:, :rank].abs().max(), left[pivots].abs().max())),
        "rank_left": abs(
            int(torch.linalg.matrix_rank(left, atol=1e-9)) - (min(rows, columns) - rank)
        ),
        "row_order": float(
            max((moved.values - atoms.values).abs().max(), (moved.right - atoms.right).abs().max())
        ),
    }


def determinant_error(seed: int) -> float:
    """| |det W(z)| / prod |z_i| - 1 | of a square weight at full rank."""
    torch.manual_seed(seed)
    place = site("layer", nn.Linear(8, 8).double())
    update = LoLDUMethod(rank=8).build(place, None, 0)
    nn.init.normal_(update.z)
    z = (update.z + update.pivots).detach()
    found = torch.linalg.det(place.weight + update.change().detach())
    return float((found.abs() / z.prod().abs() - 1).abs())


def _random(generator: torch.Generator, index: int) -> Tensor:
    """Tall, wide, of rank 1, singular, in turn."""
    rows, columns = (int(n) for n in torch.randint(2, 40, (2,), generator=generator))
    weight = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
    if index % 4 == 2:
        return torch.outer(weight[:, 0], weight[0])
    if index % 4 == 3 and min(rows, columns) > 2:
        left, values, right = torch.linalg.svd(weight, full_matrices=False)
        values[-1] = 0
        return left * values @ right
    return weight


def _cast(atoms: Atoms) -> Atoms:
    return Atoms(*(part.float().double() for part in (atoms.left, atoms.values, atoms.right)))


def _error(atoms: Atoms, weight: Tensor) -> float:
    return float((atoms.matrix() - weight).norm() / weight.norm())
