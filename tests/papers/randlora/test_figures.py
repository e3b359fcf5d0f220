"""The figure of R13: it draws what is recorded, and says what is missing."""

from __future__ import annotations

import pytest

from common.errors import MissingDataError
from papers.randlora.figures import alignments, main


def table(path, seeds=(0, 1)):
    rows = ["task,variant,scale,seed,paper_data,metric,value"]
    for rates in ("best", "middle", "low"):
        for method, offset in (("randlora", 0.0), ("lora", 0.05)):
            rows += [
                f"alignment,{rates},laptop,{seed},no,{method}_cka_{block},"
                f"{0.9 - 0.1 * block + offset + 0.01 * seed}"
                for seed in seeds
                for block in range(1, 7)
            ]
    path.write_text("\n".join([*rows, "alignment,best,laptop,0,no,lora_cka_deep,1.0"]))
    return path


def test_values_are_by_seed_and_block(tmp_path):
    found = alignments(table(tmp_path / "randlora.csv"))
    assert found["best", "lora"].shape == (2, 6)
    assert found["best", "lora"][1, 5] == pytest.approx(0.9 - 0.6 + 0.05 + 0.01)


def test_both_files(tmp_path):
    pytest.importorskip("matplotlib")
    main(table(tmp_path / "randlora.csv"), tmp_path / "figures")
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {"alignment.png", "alignment.svg"}


def test_no_runs_are_told(tmp_path):
    with pytest.raises(MissingDataError, match="ledger run randlora --claim R13"):
        alignments(tmp_path / "randlora.csv")
