"""Real rows of a hospital pharmacy by a layout that is data alone. Expected figures were counted with openpyxl, apart
from the code; the file is not part of the project, and the test is skipped without it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from stores import lake
from stores.home import Home
from stores.ingest import ingest

SALES = Path(__file__).resolve().parents[2] / "shared" / "real" / "chaoyang_2018_sales.xlsx"


@pytest.mark.skipif(not SALES.is_file(), reason="the real rows are not here")
def test_every_real_row_is_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    home = Home(tmp_path)
    (file,) = ingest(home, [SALES], received=date(2018, 8, 1)).files
    assert (file.layout, file.rows, file.n_rejected) == ("pharmacy_sales", 6_578, 25)
    files = lake.files_in_force(home)
    rows = lake.scan(home, "setl_d", files).collect()
    # 6,578 = 6,553 accepted + 23 on 29 February 2018 + 1 without a date + 1 empty
    assert rows.height == 6_553
    assert file.rejected == {"date": 24, "empty_row": 1}
    rejects = lake.rejected(home, files).collect()
    assert rejects.filter(pl.col("rule") == "empty_row")["source_row"].to_list() == [6_576]
    assert rejects.filter(pl.col("source_row") == 6_572)["rule"].to_list() == ["date"]
    assert rows.filter(pl.col("tot_fen") < 0).height == 16
    assert rows.filter(pl.col("psn_fen") > pl.col("tot_fen")).height == 21
    assert (int(rows["tot_fen"].sum()), int(rows["psn_fen"].sum())) == (33_043_020, 30_315_106)
    assert rows["id_key"].n_unique() == 1_991
    assert rows.select("form_b", "form_c", "form_d").unique().rows() == [("plain", "plain", "ok")]
    assert set(rows["med_type"]) == {"41"} and rows["setl_id"].n_unique() == rows.height
