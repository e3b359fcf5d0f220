"""L4 as published: HumanEval's Pass@1 and Pass@10 of the model, whole or with its MLPs in factors.

Generated code is run. A model that is able to solve problems is at hand at paper scale only; the
small models trained here solve none.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from common.compression.language_models import trained_lm
from common.data.byte_pairs import BytePairs
from common.data.source_texts import Problem, read_problems
from common.errors import UserError
from common.experiment.context import RunContext, TaskResult
from common.nn.gpt_sampling import sample
from papers.lord import accounting
from papers.lord.cutting import cut
from papers.lord.functional import ended, pass_at_k, passes, until_stop


def run(context: RunContext) -> TaskResult:
    """Means over the problems, in per cent.

    Raises:
        UserError: ``task.execute`` is not set.
    """
    task = context.config.task
    if not task.execute:
        raise UserError(
            "This task runs code that a model has written, with your rights. Do so in a container "
            "without a network, and say task.execute=true."
        )
    start = trained_lm(context)
    problems = read_problems(context.data)[: task.problems or None]
    model, ranks = cut(start, task.cut, task.grid, task.calibration_tokens, context.config.seed)
    pairs = BytePairs(start.corpus.tokenizer)
    generator = torch.Generator(start.device).manual_seed(context.config.seed)
    right: dict[str, int] = {}
    for problem in context.track(problems, "problems"):
        texts = continuations(model, pairs, problem, task, generator)
        right[problem.task] = sum(passes(problem, text, task.seconds) for text in texts)
    metrics = {
        f"pass_{k}": 100 * sum(pass_at_k(task.samples, n, k) for n in right.values()) / len(right)
        for k in (1, 10)
        if k <= task.samples
    }
    return TaskResult(
        metrics
        | {
            "parameters": float(accounting.parameters(start.model.config, ranks)),
            "problems": float(len(problems)),
        },
        start.entries,
        start.notes,
        {"right": right},
    )


def continuations(
    model: nn.Module, pairs: BytePairs, problem: Problem, task, generator: torch.Generator
) -> list[str]:
    """``task.samples`` of them, each up to the end of the function; a prompt that leaves no room
    keeps its end."""
    device, positions = next(model.parameters()).device, model.config.context
    tokens = torch.from_numpy(pairs.encode(problem.prompt).astype("int64"))
    tokens = tokens[-max(1, positions - task.new_tokens) :].to(device)

    def all_ended(drawn: Tensor) -> bool:
        return drawn.shape[1] % 16 == 0 and all(ended(pairs.decode(row)) for row in drawn.tolist())

    found: list[str] = []
    while len(found) < task.samples:
        count = min(task.batch_size, task.samples - len(found))
        drawn = sample(
            model,
            tokens.expand(count, -1),
            task.new_tokens,
            temperature=task.temperature,
            generator=generator,
            finished=all_ended,
        )
        found += [until_stop(pairs.decode(row)) for row in drawn.tolist()]
    return found
