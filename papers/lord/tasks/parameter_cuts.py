"""L4: which ranks make StarCoder as small as published, and what the same cuts cost here."""

from __future__ import annotations

from omegaconf import OmegaConf
from torch import nn

from common.compression.capture import output_moments
from common.compression.compress import compress
from common.compression.language_models import trained_lm
from common.compression.methods import MagnitudePruning
from common.data.catalogue import load
from common.experiment.context import RunContext, TaskResult, data_entry
from papers.lord import accounting
from papers.lord.accounting import MLP, STARCODER
from papers.lord.cutting import of_layers
from papers.lord.models import AFM, METHODS, linear_layers, low_rank, of_moments
from papers.lord.tables import rank_per_kind

# Of StarCoder's MLPs, in all 40 blocks; the authors' own tables were never published.
STARCODER_RANKS = (4224, 3968, 3712, 3584)
STARCODER_MIXED = ((33, 3584), (7, 3712))


def run(context: RunContext) -> TaskResult:
    """Parameters of StarCoder at ranks of its MLPs; perplexities of the language model at the same
    relative cuts, on code and on HumanEval: MLPs alone at one rank by each method, every type of
    layer at a rank of its own, and as many weights pruned."""
    task, start = context.config.task, trained_lm(context)
    problems = load(OmegaConf.to_object(task.problems), context.data)
    model, config = start.model, start.model.config
    targets = linear_layers(model)
    batches = start.calibration(task.calibration_tokens, context.config.seed)
    found = output_moments(model, targets, batches)
    parts = {method: of_moments(targets, found, method) for method in METHODS}

    def judge(changed: nn.Module) -> tuple[float, float]:
        context.stop.raise_if_set()
        code = start.perplexity(changed, task.judged_tokens)
        return code, start.perplexity(changed, task.judged_tokens, problems.test)

    intact = judge(model)
    total = accounting.parameters(config)
    weights = sum(layer.weight.numel() for layer in targets.values())
    metrics = starcoder() | {"intact": intact[0], "intact_humaneval": intact[1]}
    metrics["parameters"] = float(total)
    tables = {}
    for name, cut in task.cuts.items():
        ranks = accounting.nearest(config, MLP, 1 - cut / 100, task.grid)
        saved = total - accounting.parameters(config, ranks)
        metrics[f"rank_{name}"] = float(ranks[MLP[0]])
        metrics[f"cut_{name}"] = 100 * saved / total
        changed = {
            method: low_rank(model, parts[method], of_layers(ranks, targets)) for method in METHODS
        }
        tables[name] = rank_per_kind(parts[AFM], saved, task.grid)
        changed["afm_per_kind"] = low_rank(model, parts[AFM], tables[name])
        pruning = MagnitudePruning(keep=1 - saved / weights)
        changed["pruning"], _ = compress(model, pruning, calibration=batches[:1])
        for label, small in changed.items():
            for text, value, before in zip(("", "_humaneval"), judge(small), intact, strict=True):
                metrics[f"{label}_{name}{text}"] = 100 * (value / before - 1)
    return TaskResult(
        metrics | start.gate,
        [*start.entries, data_entry(problems)],
        start.notes,
        {"ranks_per_kind": tables},
    )


def starcoder() -> dict[str, float]:
    """Billions of parameters, dense and with MLPs at a rank, and that rank's reduction."""
    found = {"starcoder_dense": accounting.parameters(STARCODER) / 1e9}
    for rank in STARCODER_RANKS:
        count = accounting.parameters(STARCODER, dict.fromkeys(MLP, rank))
        found[f"starcoder_{rank}"] = count / 1e9
    mixed = [dict.fromkeys(MLP, rank) for blocks, rank in STARCODER_MIXED for _ in range(blocks)]
    found["starcoder_mixed"] = accounting.parameters(STARCODER, mixed) / 1e9
    shape = accounting.shapes(STARCODER)[MLP[0]]
    found["rank_reduction_3712"] = accounting.rank_reduction(shape, 3712)
    return found
