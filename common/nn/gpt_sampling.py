"""Continuations of a prompt, token by token, keys and values of the past kept."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from common.errors import InvalidInputError
from common.nn.gpt import GPT


@torch.no_grad()
def sample(
    model: GPT,
    prompt: Int[Tensor, "b t"],
    new_tokens: int,
    *,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
    finished: Callable[[Int[Tensor, "b n"]], bool] = lambda drawn: False,
) -> Int[Tensor, "b n"]:
    """Tokens that follow the prompts, which are all of one length.

    Args:
        model: in evaluation mode.
        prompt: on the model's device.
        new_tokens: at most so many; the positions of the model may end earlier.
        temperature: logits are divided by it; 0 takes the likeliest token.
        generator: of the draws.
        finished: of what has been drawn; ends the continuation.

    Raises:
        InvalidInputError: the prompt fills the model, or the temperature is negative.
    """
    length, positions = prompt.shape[1], model.config.context
    if not 1 <= length < positions:
        raise InvalidInputError(
            f"A prompt of {length} tokens; this model continues 1 to {positions - 1}."
        )
    if temperature < 0:
        raise InvalidInputError(f"temperature={temperature}; allowed: 0 or more.")
    past: list[tuple[Tensor, Tensor]] = []
    x = model.embed(prompt)
    for block in model.transformer.h:
        q, k, v = block.attn.queries_keys_values(block.ln_1(x))
        past.append((k, v))
        x = x + block.attn.attend(q, k, v, causal=True)
        x = x + block.mlp(block.ln_2(x))
    drawn: list[Tensor] = []
    for position in range(length, min(length + new_tokens, positions)):
        token = _draw(_logits(model, x), temperature, generator)
        drawn.append(token)
        if finished(torch.cat(drawn, 1)):
            break
        x = model.transformer.wte(token) + model.transformer.wpe.weight[position]
        for number, block in enumerate(model.transformer.h):
            q, k, v = block.attn.queries_keys_values(block.ln_1(x))
            k, v = (torch.cat([old, new], 2) for old, new in zip(past[number], (k, v), strict=True))
            past[number] = (k, v)
            x = x + block.attn.attend(q, k, v, causal=False)
            x = x + block.mlp(block.ln_2(x))
    return torch.cat(drawn, 1)


def _logits(model: GPT, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b v"]:
    return model.lm_head(model.transformer.ln_f(x[:, -1]))


def _draw(
    logits: Float[Tensor, "b v"], temperature: float, generator: torch.Generator | None
) -> Int[Tensor, "b 1"]:
    if temperature == 0:
        return logits.argmax(-1, keepdim=True)
    probabilities = torch.softmax(logits.float() / temperature, -1)
    return torch.multinomial(probabilities, 1, generator=generator)
