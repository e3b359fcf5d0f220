"""How one training is spread over several processes."""

from __future__ import annotations

import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
)
from pytorch_lightning.strategies import DDPStrategy, ModelParallelStrategy, Strategy
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard

from common.errors import UserError
from common.experiment import processes

STRATEGIES = ("ddp", "fsdp")


def strategy(trainer: DictConfig) -> Strategy | str:
    """Lightning's strategy for ``trainer.strategy``; a single process needs none.

    ``ddp`` keeps a whole model in each process, ``fsdp`` a part of every parameter (FSDP2), for
    models that do not fit one device.

    Raises:
        UserError: the strategy is unknown, or the processes cannot be dealt out.
    """
    check(trainer)
    if trainer.devices == 1:
        return "auto"
    if trainer.strategy == "ddp":
        return DDPStrategy()
    return ModelParallelStrategy(
        data_parallel_size=trainer.devices,
        tensor_parallel_size=1,
        save_distributed_checkpoint=False,
    )


def check(trainer: DictConfig) -> None:
    """Refuse what cannot be dealt out, before data are read.

    Raises:
        UserError: naming what was given and what is allowed.
    """
    if trainer.strategy not in STRATEGIES:
        raise UserError(
            f"trainer.strategy={trainer.strategy!r} is unknown; allowed: {', '.join(STRATEGIES)}."
        )
    if trainer.nodes < 1 or trainer.devices % trainer.nodes:
        raise UserError(
            f"trainer.devices={trainer.devices} cannot be dealt out to trainer.nodes="
            f"{trainer.nodes}; allowed: a number of nodes that divides the number of devices."
        )
    if trainer.nodes > 1 and not processes.started_by_slurm():
        raise UserError(
            f"trainer.nodes={trainer.nodes} needs a scheduler that starts the processes: "
            "hydra/launcher=slurm, or srun."
        )


def environment() -> ClusterEnvironment:
    """Who starts the processes. Said outright: Lightning would take a job of one process that runs
    under SLURM for a part of several. Requeueing is the sweep's, not Lightning's."""
    if processes.started_by_slurm():
        return SLURMEnvironment(auto_requeue=False)
    return LightningEnvironment()


def shard(model: nn.Module, mesh: DeviceMesh) -> None:
    """Spread the parameters of ``model`` over the processes: each block of a list of blocks by
    itself, so that one at a time is whole in memory, then what is left."""
    for module in list(model.modules()):
        if isinstance(module, nn.ModuleList):
            for block in module:
                fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)


def is_sharded(trainer: pl.Trainer) -> bool:
    """Whether each process of this training holds only a part of each parameter."""
    return isinstance(trainer.strategy, ModelParallelStrategy)
