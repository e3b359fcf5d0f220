"""U4: how far L and U are from orthogonal; U6: how much of a weight its first atoms hold."""

from __future__ import annotations

import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from common.data.catalogue import load
from common.experiment.context import RunContext, TaskResult, data_entry
from papers.loldu.decompositions import complete, ldu, svd


def run(context: RunContext) -> TaskResult:
    """``largest_cosine_*``, ``mean_cosine_*`` and ``gram_*`` (largest entry of L^T L - 1): of the
    columns of L, the rows of U. ``left_<atoms>_<part>``: squared norm of what the first atoms leave
    over, relative; of a Gaussian matrix (mean of its draws) and of the encoder's layers (smallest,
    largest). ``below_svd``: layers and ranks at which less is left than by the singular values."""
    task = context.config.task
    generator = torch.Generator().manual_seed(context.config.seed)
    metrics: dict[str, float] = {}
    draws = [
        torch.randn(task.size, task.size, generator=generator, dtype=torch.float64)
        for _ in range(task.draws)
    ]
    encoder = load(OmegaConf.to_object(task.weights), context.data)
    model = encoder.model()
    layers = {n: m.weight.detach().double() for n, m in model.named_modules() if _linear(n, m)}
    attention = [w for n, w in layers.items() if n.endswith(("query", "value"))]
    for name, weights in (("gaussian", draws), ("encoder", attention)):
        metrics |= {f"{key}_{name}": value for key, value in orthogonality(weights).items()}
    below = 0
    for part, rank in (("1", 1), ("quarter", task.size // 4), ("half", task.size // 2)):
        for name, atoms in (("ldu", ldu), ("complete", complete), ("svd", svd)):
            left = [left_over(atoms(w).first(rank).matrix(), w) for w in draws]
            metrics[f"left_{name}_{part}"] = sum(left) / len(left)
        below += metrics[f"left_ldu_{part}"] < metrics[f"left_svd_{part}"]
    of_layers: dict[str, list[float]] = {"ldu": [], "svd": [], "ldu_q_v": [], "svd_q_v": []}
    for name, weight in context.track(layers.items(), "layers"):
        rank = min(weight.shape) // 2
        ours, best = (left_over(a(weight).first(rank).matrix(), weight) for a in (ldu, svd))
        below += ours < best
        of_layers["ldu"].append(ours)
        of_layers["svd"].append(best)
        if name.endswith(("query", "value")):
            of_layers["ldu_q_v"].append(ours)
            of_layers["svd_q_v"].append(best)
    for name, values in of_layers.items():
        metrics[f"encoder_{name}_least"] = min(values)
        metrics[f"encoder_{name}_most"] = max(values)
    metrics["below_svd"] = below
    return TaskResult(metrics, [data_entry(encoder)])


def orthogonality(weights: list[Tensor]) -> dict[str, float]:
    """Of the fixed factors: cosines between columns of L and between rows of U, largest entries of
    their Gram matrices less the identity."""
    cosines, found = {"l": [], "u": []}, {}
    for weight in weights:
        atoms = ldu(weight)
        for name, columns in (("l", atoms.left), ("u", atoms.right.mT)):
            gram = columns.mT @ columns
            size = gram.diagonal().sqrt()
            off = ~torch.eye(len(gram), dtype=torch.bool)
            cosines[name].append((gram / size / size[:, None]).abs()[off])
            found.setdefault(f"gram_{name}", []).append(
                float((gram - torch.eye(len(gram))).abs().max())
            )
    metrics = {key: max(values) for key, values in found.items()}
    for name, values in cosines.items():
        metrics[f"mean_cosine_{name}"] = float(torch.cat(values).mean())
        metrics[f"largest_cosine_{name}"] = float(torch.cat(values).max())
    return metrics


def left_over(part: Tensor, weight: Tensor) -> float:
    """Squared norm of the rest, relative to the weight's."""
    return float((weight - part).square().sum() / weight.square().sum())


def _linear(name: str, module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) and name.startswith("encoder.")
