"""What methods of adaptation are compared with: tuners of peft, and trainings without adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from torch import nn

from common.adapters.peft_library import peft_library
from common.errors import InvalidInputError

Adapt = Callable[[nn.Module, "Choice"], nn.Module]


class Choice:
    """Which layers are adapted, and with what settings.

    Args:
        targets: patterns of names.
        rank: see each baseline.
        alpha: scale of the update; None takes the baseline's own.
        seed: of what is drawn.
    """

    def __init__(self, targets: Iterable[str], rank: int, alpha: float | None, seed: int):
        self.targets, self.rank, self.alpha, self.seed = tuple(targets), rank, alpha, seed

    def layers(self, model: nn.Module) -> list[str]:
        """Names of the linear layers that the patterns fit.

        Raises:
            InvalidInputError: a pattern fits none.
        """
        linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
        for pattern in self.targets:
            if not any(fnmatchcase(name, pattern) for name in linear):
                raise InvalidInputError(
                    f"No linear layer is called {pattern!r}. There are: {', '.join(linear)}."
                )
        return [name for name in linear if any(fnmatchcase(name, p) for p in self.targets)]


def head_only(model: nn.Module, choice: Choice) -> nn.Module:
    """Nothing but the head is trained: what every adapter has to beat."""
    return model.requires_grad_(False)


def full(model: nn.Module, choice: Choice) -> nn.Module:
    """Every weight is trained."""
    return model.requires_grad_(True)


def bitfit(model: nn.Module, choice: Choice) -> nn.Module:
    """Biases alone are trained (Ben Zaken et al. 2022), those of every layer."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith("bias"))
    return model


def norms(model: nn.Module, choice: Choice) -> nn.Module:
    """Layer norms alone are trained."""
    model.requires_grad_(False)
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.requires_grad_(True)
    return model


def lora(model: nn.Module, choice: Choice) -> nn.Module:
    """LoRA (Hu et al. 2022); alpha is twice the rank unless it is given."""
    return _wrapped(model, "LoraConfig", choice, r=choice.rank, lora_alpha=_alpha(choice))


def dora(model: nn.Module, choice: Choice) -> nn.Module:
    """DoRA (Liu et al. 2024)."""
    return _wrapped(
        model, "LoraConfig", choice, r=choice.rank, lora_alpha=_alpha(choice), use_dora=True
    )


def vera(model: nn.Module, choice: Choice) -> nn.Module:
    """VeRA (Kopiczko et al. 2024): rank + outputs numbers a layer."""
    return _wrapped(model, "VeraConfig", choice, r=choice.rank, projection_prng_key=choice.seed)


def randlora(model: nn.Module, choice: Choice) -> nn.Module:
    """peft's own RandLoRA."""
    alpha = {} if choice.alpha is None else {"randlora_alpha": choice.alpha}
    return _wrapped(
        model, "RandLoraConfig", choice, r=choice.rank, projection_prng_key=choice.seed, **alpha
    )


def fourier(model: nn.Module, choice: Choice) -> nn.Module:
    """FourierFT (Gao et al. 2024); `rank` is the number of frequencies of a layer."""
    alpha = {} if choice.alpha is None else {"scaling": choice.alpha}
    return _wrapped(
        model,
        "FourierFTConfig",
        choice,
        n_frequency=choice.rank,
        random_loc_seed=choice.seed,
        **alpha,
    )


def ia3(model: nn.Module, choice: Choice) -> nn.Module:
    """IA3 (Liu et al. 2022): a factor for every output of a layer."""
    return _wrapped(model, "IA3Config", choice, feedforward_modules=[])


BASELINES: dict[str, Adapt] = {
    "head": head_only,
    "full": full,
    "bitfit": bitfit,
    "norms": norms,
    "lora": lora,
    "dora": dora,
    "vera": vera,
    "peft_randlora": randlora,
    "fourier": fourier,
    "ia3": ia3,
}


def _alpha(choice: Choice) -> float:
    return 2.0 * choice.rank if choice.alpha is None else choice.alpha


def _wrapped(model: nn.Module, config: str, choice: Choice, **settings) -> nn.Module:
    peft = peft_library()
    made = getattr(peft, config)(target_modules=choice.layers(model), **settings)
    return peft.get_peft_model(model, made)
