"""S1 to S5: what a spectral layer has to meet whatever it is trained on, in float64."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from common.experiment.context import RunContext, TaskResult
from papers.sst.accounting import dense_size, lora_parameters, spectral_parameters, trainable
from papers.sst.identities import (
    after_sgd,
    first_order_step,
    frequencies,
    inclusion,
    layer_of,
    relative_error,
    stated_gradients,
)
from papers.sst.llama import LlamaShape, llama_parts
from papers.sst.methods import SST, Method, apply
from papers.sst.models import DEFAULT, ENHANCED
from papers.sst.sampling import MIXTURE, choose, probabilities


def run(context: RunContext) -> TaskResult:
    """Figures of all five claims; each function below says what its figures are."""
    task = context.config.task
    metrics: dict[str, float] = {}
    for part in (same_function, gradients, small_steps, draws, sizes):
        metrics |= part(task)
        context.stop.raise_if_set()
    return TaskResult(metrics)


def gaussian(*shape: int, scale: float = 1.0) -> Tensor:
    """Float64, from the run's generator."""
    return torch.randn(*shape, dtype=torch.float64) * scale


def same_function(task) -> dict[str, float]:
    """S1: largest differences of outputs from the dense layer at the start, and across a new SVD
    after ``task.steps`` steps of SST; orthogonality before and after it. The layers are trained on
    a random map, once around, for m < n, m = n, m > n."""
    start, across, restored, lost = 0.0, 0.0, 0.0, math.inf
    for m, n in task.shapes:
        linear = nn.Linear(n, m, dtype=torch.float64)
        x, target = gaussian(256, n), gaussian(256, m)
        model = nn.Sequential(linear)
        wanted = model(x).detach()
        method = Method(
            SST, task.rank, iteration_steps=20, restart_warmup=2, round_iterations=task.steps
        )
        trained = apply(model, method)
        layer = model[0]
        start = max(start, float((layer(x) - wanted).detach().abs().max()))
        optimiser = trained.adam(0.01)
        for step in range(task.steps):
            trained.before_step(step, optimiser)
            trained.set_rates(optimiser, step, 0.01)
            optimiser.zero_grad()
            (layer(x) - target).square().mean().backward()
            optimiser.step()
            trained.after_step()
        lost = min(lost, layer.orthogonality_error())
        before = layer(x).detach()
        layer.decompose()
        across = max(across, float((layer(x) - before).detach().abs().max()))
        restored = max(restored, layer.orthogonality_error())
    return {
        "start_error": start,
        "re_svd_error": across,
        "orthogonality_restored": restored,
        "orthogonality_lost": lost,
    }


def gradients(task) -> dict[str, float]:
    """S2: largest relative error of the custom backward pass against an explicit G."""
    worst = 0.0
    for gradient in (ENHANCED, DEFAULT):
        for m, n in task.shapes:
            layer = layer_of(gaussian(m, n, scale=n**-0.5), task.rank, gradient)
            x, g = gaussian(64, n).requires_grad_(), gaussian(64, m)
            (layer(x) * g).sum().backward()
            of_U, of_s, of_V = stated_gradients(layer, g.T @ x.detach())
            pairs = [(layer.U.grad, of_U), (layer.s.grad, of_s), (layer.V.grad, of_V)]
            pairs.append((x.grad, g @ layer.weight()))
            worst = max(worst, *(relative_error(found, wanted) for found, wanted in pairs))
    return {"gradient_error": worst}


def small_steps(task) -> dict[str, float]:
    """S3: the remainder of the first-order step over the rate squared, how much it changes from the
    larger rate to the smaller; <G, D> over random W, G and S."""
    m, n = task.step_shape
    scale = n**-0.5
    change, descent = 0.0, -math.inf
    for gradient in (ENHANCED, DEFAULT):
        W, G = gaussian(m, n, scale=scale), gaussian(m, n, scale=scale)
        remainders = []
        for rate in task.rates:
            layer = layer_of(W, task.step_rank, gradient)
            predicted = W + rate * first_order_step(layer, G)
            error = (after_sgd(layer, G, rate) - predicted).norm()
            remainders.append(float(error) / rate**2)
        change = max(change, abs(remainders[1] / remainders[0] - 1))
        for trial in range(task.trials):
            W, G = gaussian(m, n, scale=scale), gaussian(m, n, scale=scale)
            layer = layer_of(W, task.step_rank, gradient)
            layer.activate(
                choose(layer.s, task.step_rank, MIXTURE, seed=trial, layer=gradient, iteration=0)
            )
            descent = max(descent, float((G * first_order_step(layer, G)).sum()))
    return {"remainder_change": 100 * change, "largest_descent": descent}


def draws(task) -> dict[str, float]:
    """S4: frequencies of the draws against exact probabilities of inclusion; whether S stays the
    same during an iteration, is redrawn after it, and has no index twice."""
    s = torch.tensor(task.singular_values, dtype=torch.float64)
    drawn = [
        choose(s, task.drawn_rank, MIXTURE, seed=0, layer="example", iteration=j)
        for j in range(task.draws)
    ]
    exact = inclusion(probabilities(s), task.drawn_rank)
    error = float((frequencies(drawn, len(s)) - exact).abs().max())
    repeated = sum(len(d.unique()) < task.drawn_rank for d in drawn)
    model = nn.Sequential(nn.Linear(16, 16))
    trained = apply(model, Method(SST, 4, iteration_steps=5, restart_warmup=0))
    optimiser = trained.adam(0.01)
    changed_within = changed_between = 0
    before = None
    for step in range(100):
        trained.before_step(step, optimiser)
        now = frozenset(model[0].active.tolist())
        if before is not None and now != before:
            changed_within += step % 5 != 0
            changed_between += step % 5 == 0
        before = now
        trained.after_step()
    return {
        "frequency_error": error,
        "repeated_indexes": float(repeated),
        "changes_within_iterations": float(changed_within),
        "changes_between_iterations": float(changed_between),
    }


def sizes(task) -> dict[str, float]:
    """S5: counted parameters against the closed form, between LoRA of rank r and of r + 1; and the
    trained part of LLaMA-1.3B, per cent, where embeddings, head and norms are trained too."""
    shape = LlamaShape()
    model = llama_parts(shape)
    skip = ["lm_head"]
    trained = apply(model, Method(SST, task.llama_rank), skip=skip)
    by_form = counted = outside = 0
    for layer in trained.layers.values():
        m, n = layer.out_features, layer.in_features
        by_form += spectral_parameters(m, n, task.llama_rank)
        counted += trainable(layer)
        low, high = (lora_parameters(m, n, task.llama_rank + more) for more in (0, 1))
        outside += not low < trainable(layer) < high
    return {
        "count_error": float(abs(counted - by_form)),
        "layers_outside_lora": float(outside),
        "llama_trainable": 100 * trainable(model) / dense_size(model),
        "llama_billions": dense_size(model) / 1e9,
    }
