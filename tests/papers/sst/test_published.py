"""Gap figures from the printed tables."""

from __future__ import annotations

import pytest

from common.errors import InvalidInputError
from papers.sst.published import TABLE, gap_closed, table_gap


def test_the_stated_gaps_follow_from_the_tables():
    for row in TABLE.values():
        assert table_gap(row) == pytest.approx(row.gap, abs=0.1)


def test_the_printed_lora_figure_contradicts_the_gap():
    row = TABLE["opt_1_3b"]
    assert gap_closed(row.full, [17.16, row.relora], row.sst) < 0
    assert gap_closed(row.full, [1716.0, row.relora], row.sst) == pytest.approx(row.gap, abs=0.1)


def test_no_gap_is_refused():
    for low in ([], [1.0], [2.0]):
        with pytest.raises(InvalidInputError, match="no gap"):
            gap_closed(2.0, low, 1.5)
