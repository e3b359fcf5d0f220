"""D6 and D9: one layer as a Vandermonde product, a recurrence and a dense system; DSS' softmax."""

from __future__ import annotations

import torch
from jaxtyping import Float
from omegaconf import OmegaConf
from torch import Tensor

from common.experiment.context import RunContext, TaskResult
from common.kernels.dense import dense_bilinear, dense_zoh, impulse_responses
from common.nn.s4 import S4
from common.nn.s4_model import s4_layer
from papers.s4d.dss import dss_kernel
from papers.s4d.models import INITIALISERS, basis, kernel
from papers.s4d.schema import ModelConfig

RULES = {"zoh": dense_zoh, "bilinear": dense_bilinear}


def run(context: RunContext) -> TaskResult:
    """Largest relative disagreement in float64 over all starts."""
    task = context.config.task
    errors: dict[str, float] = {}

    def note(name: str, got: Tensor, wanted: Tensor) -> None:
        error = float((got - wanted).abs().max() / wanted.abs().max())
        errors[name] = max(errors.get(name, 0.0), error)

    for start in context.track(INITIALISERS, "starts"):
        held = layer_of(start, "zoh", task.state_size, task.channels)
        for rule, discretise in RULES.items():
            layer = layer_of(start, rule, task.state_size, task.channels)
            taps = layer.kernel(task.length)[0]
            note(f"recurrence_error_{rule}", stepped(layer, task.length), taps)
            note(f"dense_error_{rule}", dense(layer, discretise, task.length), taps)
        note("two_lines_error", two_lines(held, task.length), held.kernel(task.length)[0])
        plain, guarded = (softmax_kernel(layer, task.length, guard) for guard in (0.0, 1e-7))
        note("dss_softmax_error", dss(layer, task.length, 0.0), plain)
        note("dss_guarded_softmax_error", dss(layer, task.length, 1e-7), guarded)
        note("dss_guard_effect", guarded, plain)
    return TaskResult(dict(errors))


def layer_of(start: str, rule: str, state_size: int, channels: int) -> S4:
    """A causal layer of float64 parameters, without D."""
    model = OmegaConf.structured(
        ModelConfig(
            initialiser=start,
            state_size=state_size,
            d_model=channels,
            discretisation=rule,
            bidirectional=False,
            feedthrough=False,
            n_ssm=0,
        )
    )
    return s4_layer(model, [basis(model)]).double().requires_grad_(False)


def two_lines(layer: S4, length: int) -> Float[Tensor, "channel length"]:
    """The kernel as the paper writes it; B is inside C."""
    C = torch.view_as_complex(layer.C)[0]
    A = layer.eigenvalues().expand_as(C)
    return kernel(A, torch.ones_like(A), C, layer.step_sizes()[:, None], length)


def stepped(layer: S4, length: int) -> Float[Tensor, "channel length"]:
    """The impulse response, one step after the other."""
    state, outputs = layer.initial_state(1), []
    for k in range(length):
        impulse = torch.full((1, layer.d_model), float(k == 0), dtype=torch.float64)
        y, state = layer.step(impulse, state)
        outputs.append(y[0])
    return torch.stack(outputs, 1)


def dense(layer: S4, discretise, length: int) -> Float[Tensor, "channel length"]:
    """The impulse response of the real system of size N with the same eigenvalues.

    A pair lam, conj(lam) is the block [[Re, -Im], [Im, Re]]; 2 Re(c x) reads (2 Re c, -2 Im c).
    """
    rows = []
    for lam, c, dt in zip(
        layer.eigenvalues(), torch.view_as_complex(layer.C)[0], layer.step_sizes(), strict=True
    ):
        blocks = [
            torch.stack([torch.stack([z.real, -z.imag]), torch.stack([z.imag, z.real])])
            for z in lam
        ]
        A = torch.block_diag(*blocks)
        B = torch.tensor([1.0, 0.0], dtype=A.dtype).repeat(len(lam))
        C = torch.stack([2 * c.real, -2 * c.imag], 1).flatten()
        rows.append(C @ impulse_responses(*discretise(A, B, float(dt)), length))
    return torch.stack(rows)


def dss(layer: S4, length: int, guard: float) -> Float[Tensor, "channel length"]:
    """DSS' kernel with this layer's parameters."""
    C = torch.view_as_complex(layer.C)[0]
    return dss_kernel(C, layer.eigenvalues(), layer.step_sizes()[:, None], length, guard=guard)


def softmax_kernel(layer: S4, length: int, guard: float) -> Float[Tensor, "channel length"]:
    """The same by its definition: the (channel, state, length) array and its sums over time."""
    lam, C = layer.eigenvalues(), torch.view_as_complex(layer.C)[0]
    z = lam * layer.step_sizes()[:, None]
    powers = torch.exp(z[..., None] * torch.arange(length))
    total = powers.sum(-1)
    if guard:  # the guard stands on (exp(z L) - 1) A, of which the sum is a part
        x = total * (torch.exp(z) - 1) * lam
        inverse = x.conj() / (x.abs().square() + guard) * (torch.exp(z) - 1)
    else:
        inverse = 1 / (total * lam)
    return 2 * torch.einsum("hn,hnl->hl", C * inverse, powers).real
