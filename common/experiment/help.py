"""The text of ``run.py --help``; must not import Hydra (it has to appear within a second)."""

from __future__ import annotations

from common.experiment import registry

_TEMPLATE = """\
usage: python run.py paper=<paper> task=<task> [scale=<scale>] [model=<model>] [key=value ...]
       python run.py -m paper=... task=a,b seed=0,1,2        one run for each combination

papers, their tasks and models
{papers}
scales   {scales}   (smoke: every path runs; laptop: evidence in minutes; paper: as published)
trainer  {trainers}   (hardware; trainer=gpu refuses to run without one)

often used
  seed=<n>                     repetition; same seed, same machine: same figures
  resume=<run folder>          go on with an interrupted run
  trainer.threads=<n>          CPU threads
  data.root=<folder>           prepared data (default: data)
  data.local_source=<folder>   third-party files at hand (default: $STRUCTLAB_DATA)
  data.download=false          never fetch anything

  -m key=a,b                   a sweep: every combination, only what is not done yet
  hydra/launcher=local, slurm  where its jobs run (default: here, one after the other)
  dry=true                     show what would run and stop
  sweeps                       (as the only argument) list, show, watch, collect, retry, cancel

  --cfg job [--resolve]        print the composed configuration and stop
  --info defaults              print where each part of it comes from
  HYDRA_FULL_ERROR=1           full stack traces

example
  python run.py paper=s5_ptd task=lra
"""


def text() -> str:
    """The help page, with what this checkout holds."""
    blocks = []
    for paper in registry.papers():
        default = registry.default_task(paper)
        tasks = [f"{t} (default)" if t == default else t for t in registry.tasks(paper)]
        blocks.append(f"  {paper}\n    tasks   {_wrapped(tasks)}\n")
        if models := registry.models(paper):
            blocks[-1] += f"    models  {_wrapped(models)}\n"
    return _TEMPLATE.format(
        papers="".join(blocks),
        scales=", ".join(registry.scales()),
        trainers=", ".join(registry.trainers()),
    )


def _wrapped(words: list[str], width: int = 84) -> str:
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) + 2 > width:
            lines.append(line + ",")
            line = ""
        line = f"{line}, {word}" if line else word
    return ("\n" + " " * 12).join([*lines, line])
