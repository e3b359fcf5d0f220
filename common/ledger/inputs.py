"""What a paper's results depend on, in one file that DVC can hash.

Templates of ``dvc.yaml`` cannot give each paper a list of its own, and a list of folders would make
a paper stale with every comment. So the list is computed: the digest of each module that the
paper's runs reach, the hash of each configuration, the version of each data set.
"""

from __future__ import annotations

import json
from pathlib import Path

from common.atomic import write_text
from common.data.needs import needed
from common.experiment import sources
from common.ledger.folders import Folders
from common.ledger.plan import Plan
from common.ledger.update import present

SCALE = "laptop"


def write_inputs(plan: Plan, folders: Folders) -> Path:
    """Write ``results/inputs/<paper>.json``; the file keeps its time stamp if nothing changed."""
    runs = plan.unique_runs(SCALE)
    modules = sources.reached({root for run in runs for root in run.roots})
    pinned = present(folders.pins).data
    sets = [need.key for need in needed([plan.paper], folders) if need.has_file]
    content = {
        "code": sources.digests(modules),
        "configurations": {"/".join(map(str, run.key)): run.config_hash for run in runs},
        "data": {key: pinned.get(key, "not pinned") for key in sets},
    }
    path = folders.inputs(plan.paper)
    write_text(path, json.dumps(content, indent=1, sort_keys=True) + "\n")
    return path
