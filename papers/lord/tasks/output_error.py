"""L1 on a random layer: the error of AFM is the tail of the spectrum, and no other map beats it.

Once with outputs of mean zero, once with a mean a thousand times their deviation, where
``E[y y^T] - mu mu^T`` would lose all digits.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from common.compression.capture import Keep, output_moments
from common.compression.ranks import by_fraction
from common.errors import UserError
from common.experiment.context import RunContext, TaskResult
from papers.lord.exactness import tail_identity
from papers.lord.models import AtomicFeatures


def run(context: RunContext) -> TaskResult:
    """Relative distances in float64, and the part of the competitors that is worse."""
    task, seed = context.config.task, context.config.seed
    generator = torch.Generator().manual_seed(seed)
    layer, rows = random_layer(task.inputs, task.outputs, task.rows, generator)
    metrics = _figures(task, layer, rows)
    with torch.no_grad():
        layer["layer"].bias += task.offset
    far = _figures(task, layer, rows)
    return TaskResult(metrics | {f"offset_{name}": value for name, value in far.items()})


def random_layer(
    inputs: int, outputs: int, rows: int, generator: torch.Generator
) -> tuple[nn.ModuleDict, Tensor]:
    """A float64 layer with Gaussian weights, and inputs whose variances fall like 1/k."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    layer = nn.Linear(inputs, outputs).double()
    scale = torch.arange(1, inputs + 1).double().rsqrt()
    with torch.no_grad():
        layer.weight.copy_(draw(outputs, inputs) / scale.norm())
        layer.bias.copy_(draw(outputs))
    return _Alone({"layer": layer}), draw(rows, inputs) * scale


class _Alone(nn.ModuleDict):
    def forward(self, x: Tensor) -> Tensor:
        return self["layer"](x)


def _figures(task, model: nn.ModuleDict, rows: Tensor) -> dict[str, float]:
    layer = model["layer"]
    found = tail_identity(model, {"layer": layer}, [rows], task.fractions, task.competitors)
    return found | {"pca_error": pca_distance(model, {"layer": layer}, rows, task.fractions)}


@torch.no_grad()
def pca_distance(
    model: nn.Module,
    targets: dict[str, nn.Linear],
    batch: Tensor,
    fractions: list[float],
    keep: Keep | None = None,
) -> float:
    """Largest relative distance of the tail sums from what scikit-learn's PCA of the outputs leaves
    on the same rows.

    Args:
        keep: see ``capture.output_moments``.

    Raises:
        UserError: the extra ``sklearn`` is not installed.
    """
    try:
        from sklearn.decomposition import PCA
    except ImportError as error:
        raise UserError(
            "AFM is compared with scikit-learn's PCA, which is not installed: "
            "pip install 'structlab[sklearn]'."
        ) from error
    found = output_moments(model, targets, [batch], keep)
    counted = slice(None) if keep is None else keep(batch)
    outputs: dict[str, Tensor] = {}
    handles = [
        layer.register_forward_hook(lambda _, __, y, name=name: outputs.update({name: y}))
        for name, layer in targets.items()
    ]
    model(batch)
    for handle in handles:
        handle.remove()
    worst = 0.0
    for name, layer in targets.items():
        basis = AtomicFeatures(layer, found[name]).basis
        rows = outputs[name][counted].reshape(-1, outputs[name].shape[-1]).double().cpu().numpy()
        pca = PCA(svd_solver="full").fit(rows)
        centred = rows - pca.mean_
        scores = centred @ pca.components_.T
        for fraction in fractions:
            rank = by_fraction(fraction, min(layer.weight.shape))
            left = ((centred - scores[:, :rank] @ pca.components_[:rank]) ** 2).sum(1).mean()
            worst = max(worst, abs(left / basis.error(rank) - 1))
    return worst
