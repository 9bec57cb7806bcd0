"""Schema `lake`: views on the parts as delivered, here and in a home that was moved."""

from __future__ import annotations

import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
from mart_frames import RUN, source_file

from schemas import core
from stores.warehouse import publish
from transforms.pseudonym import key_texts


def _part(table: str, **values: object) -> pl.DataFrame:
    """One core row with these values; the rest unknown."""
    schema = core.polars_schema(core.MODELS[table])
    return pl.DataFrame({name: [values.get(name)] for name in schema}, schema=schema)


def _home(home: Path) -> Path:
    """A home with settlements of three files (F01 read, F02 refused, F03 unknown), items, diagnoses and a roster."""
    folder = home / "lake" / "core" / "setl_d" / "330112" / "2023"
    folder.mkdir(parents=True)
    for number, file_id in enumerate(("F01", "F02", "F03"), start=1):
        _part(
            "setl_d", file_id=file_id, source_row=2, setl_id=f"S{number}", id_key=5, insutype="390", cost_year=2023,
            setl_time=datetime(2023, 5, 4), tot_fen=123_456, psn_fen=1,
        ).write_parquet(folder / f"{file_id}-0.parquet")  # fmt: skip
    others = {
        "fee_list_d": {"setl_id": "S1", "item_sn": "1", "item_code": "X", "tot_fen": 7},
        "setl_diag_list_d": {"mdtrt_id": "M1", "diag_code": "C34"},
        "roster": {
            "region_code": "330112",
            "id_key": 6,
            "head_key": 5,
            "labels": ["低保"],
            "valid_from": date(2023, 1, 1),
        },
    }
    for table, values in others.items():
        part = home / "lake" / "core" / table / "F01.parquet"
        part.parent.mkdir(parents=True)
        _part(table, file_id="F01", source_row=2, **values).write_parquet(part)
    return home


def _published(home: Path) -> Path:
    links = pl.DataFrame({"id_key": [5], "person_key": [50]})
    files = source_file().with_columns(n_rejected=pl.lit(0), n_accepted=pl.lit(8))
    return publish(home, {"source_file": files}, run_id=RUN, links=links)


def test_views_show_delivered_rows_of_files_that_count_with_published_keys(tmp_path: Path) -> None:
    path = _published(_home(tmp_path / "home"))
    own, other = key_texts(pl.Series([50, 6]), "P").to_list()
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "select settlement_id, person_key, tot_yuan from lake.settlements"
        ).fetchall()
        assert found == [("S1", own, Decimal("1234.56"))]
        roster = connection.execute("select head_person_key, person_key, labels from lake.rosters").fetchall()
        assert roster == [(own, other, ["低保"])]
        items = connection.execute("select item_code, tot_yuan from lake.items").fetchall()
        assert items == [("X", Decimal("0.07"))]
        assert connection.execute("select diag_code from lake.diagnoses").fetchall() == [("C34",)]


def test_macros_read_a_home_that_was_moved(tmp_path: Path) -> None:
    path = _published(_home(tmp_path / "home"))
    shutil.copytree(tmp_path / "home" / "lake", tmp_path / "mounted" / "lake")
    shutil.rmtree(tmp_path / "home" / "lake")
    with duckdb.connect(str(path), read_only=True) as connection:
        for view in ("settlements", "items", "diagnoses", "rosters"):
            moved = connection.execute(f"select * from lake.{view}_at('{tmp_path / 'mounted'}')").fetchall()
            assert len(moved) == 1, view


def test_views_of_an_empty_lake_have_their_columns_and_no_rows(tmp_path: Path) -> None:
    path = publish(tmp_path / "it's a home", {}, run_id=RUN)
    with duckdb.connect(str(path), read_only=True) as connection:
        for view in ("settlements", "items", "diagnoses", "rosters"):
            assert connection.execute(f"select * from lake.{view}").fetchall() == []
            assert connection.execute(f"describe lake.{view}").fetchall()
