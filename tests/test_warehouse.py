"""The warehouse: what a publish writes, what it refuses, and that it replaces the old file whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from mart_frames import RUN, cap_gap, person_year, tables

from schemas.mart import PUBLISHED, TABLES
from stores.warehouse import WarehouseError, check, publish, read
from transforms.pseudonym import key_texts

Tables = dict[str, pl.DataFrame]


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every published table, in stored order."""
    return {name: rows(path, f"select * from mart.{name}") for name in PUBLISHED}


def test_all_tables_are_there_with_all_columns_even_when_empty(tmp_path: Path) -> None:
    path = publish(tmp_path, {}, run_id=RUN)
    sql = "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'mart' order by all"
    expected = sorted((t, c.name, c.type) for t in PUBLISHED for c in TABLES[t].columns)
    found = sorted((t, c, {"VARCHAR": "TEXT"}.get(str(d), d)) for t, c, d in rows(path, sql))
    assert found == expected
    assert all(not table for table in content(path).values())


def test_every_table_column_and_view_carries_its_comment(tmp_path: Path) -> None:
    path = publish(tmp_path, tables(), run_id=RUN)
    assert not rows(
        path, "select * from duckdb_columns() where schema_name in ('mart', 'lake') and comment is null"
    )
    assert not rows(path, "select * from duckdb_tables() where comment is null")
    assert not rows(path, "select * from duckdb_views() where schema_name = 'lake' and comment is null")
    comment = rows(
        path, "select comment from duckdb_columns() where table_name = 'cap_gap' and column_name = 'cap_yuan'"
    )
    assert comment == [("封顶线 / household cap or relief threshold of the year, yuan",)]


@pytest.mark.parametrize("fen", [0, 1, -1, 99, 100, -12_345, 123_456_789_012_345, 9_007_199_254_740_993])
def test_fen_become_yuan_exactly(tmp_path: Path, fen: int) -> None:
    review = pl.DataFrame(
        {"benefit_id": [1001], "reading_key": ["A-L04"], "reading": ["a"], "amount_fen": [fen]}
    )
    path = publish(tmp_path, tables() | {"review_case": review}, run_id=RUN)
    assert rows(path, "select amount_yuan from mart.review_case") == [(Decimal(fen).scaleb(-2),)]
    found = read(path, "review_case")
    assert found is not None
    assert found["amount_fen"].to_list() == [fen]


def test_keys_become_the_same_text_as_everywhere(tmp_path: Path) -> None:
    keys = [0, 1, 31, 32, 2**62 + 12_345, 2**63 - 1]
    texts = [
        "P0000000000000",
        "P0000000000001",
        "P000000000000Z",
        "P0000000000010",
        "P4000000000C1S",
        "P7ZZZZZZZZZZZZ",
    ]
    frame = pl.concat([person_year().head(1)] * len(keys)).with_columns(person_key=pl.Series(keys))
    path = publish(tmp_path, {"person_year": frame}, run_id=RUN)
    assert rows(path, "select person_key from mart.person_year") == [(text,) for text in texts]
    assert rows(path, f"select lake.key_text('P', unnest({keys}::bigint[]))") == [(text,) for text in texts]
    assert key_texts(pl.Series(keys), "P").to_list() == texts


def test_lists_are_joined_and_unknown_amounts_stay_empty(tmp_path: Path) -> None:
    path = publish(tmp_path, tables(), run_id=RUN)
    assert rows(path, "select identities from mart.person_year where household_id = 'J1'") == [("DIBAO",)]
    assert rows(path, "select amount_yuan, adjustment_yuan from mart.cap_gap where unit_id = 'J5'") == [
        (None, None)
    ]
    assert rows(path, "select amount_yuan from mart.cap_gap where unit_id = 'J1'") == [(Decimal("19000.00"),)]


def test_reconciliation_shows_rows_as_rows_and_money_as_yuan(tmp_path: Path) -> None:
    path = publish(tmp_path, tables(), run_id=RUN)
    found = rows(path, "select measure, amount_in from mart.reconciliation order by measure")
    assert found == [("rows", Decimal(10)), ("tot", Decimal("1234.56"))]


def test_only_columns_of_the_dictionary_are_published(tmp_path: Path) -> None:
    with_name = tables() | {"cap_gap": cap_gap().with_columns(name=pl.lit("张三丰"))}
    path = publish(tmp_path, with_name, run_id=RUN)
    assert "张三丰".encode() not in path.read_bytes()


def test_equal_rows_in_any_order_and_from_parts_give_equal_tables(tmp_path: Path) -> None:
    first = publish(tmp_path / "a", tables(), run_id=RUN)
    parts: dict[str, list[Path]] = {}
    for name, frame in tables().items():
        shuffled = frame.sample(fraction=1, shuffle=True, seed=7)
        for number, part in enumerate(shuffled.iter_slices(3)):
            part.write_parquet(tmp_path / f"{name}-{number}.parquet")
            parts.setdefault(name, []).append(tmp_path / f"{name}-{number}.parquet")
    second = publish(tmp_path / "b", parts, run_id=RUN)
    assert content(first) == content(second)


def test_lazy_frames_are_taken_too(tmp_path: Path) -> None:
    path = publish(tmp_path, {name: frame.lazy() for name, frame in tables().items()}, run_id=RUN)
    assert rows(path, "select count(*) from mart.cap_gap") == [(7,)]


def _doubled_person(all_of: Tables) -> None:
    all_of["person_year"] = pl.concat([all_of["person_year"], all_of["person_year"].head(1)])


def _changed(table: str, column: str, value: object) -> Callable[[Tables], None]:
    """A fault: one column of the first row of a table shows something else."""

    def spoil(all_of: Tables) -> None:
        frame = all_of[table].with_row_index("at")
        first = pl.when(pl.col("at") == 0).then(pl.lit(value)).otherwise(column)
        all_of[table] = frame.with_columns(first.alias(column)).drop("at")

    return spoil


def _without_lines(all_of: Tables) -> None:
    all_of["benefit_line"] = all_of["benefit_line"].filter(pl.col("unit_id") != "J4")


def _plain_numbers_as_ids(all_of: Tables) -> None:
    all_of["benefit_line"] = all_of["benefit_line"].with_columns(pl.col("benefit_id").cast(pl.String))


def _a_layer_too_much(all_of: Tables) -> None:
    """Two layers of a unit, of which the second pays 1 yuan and leaves all that was there before it."""
    unit = {"cost_year": 2023, "region_code": "330112", "unit_type": "household", "unit_id": "J1"}
    layers = [
        {**unit, "layer_no": no, "layer_code": code, "paid_fen": 100, "remaining_fen": 4_900_000}
        for no, code in ((1, "BASIC"), (2, "SERIOUS"))
    ]
    all_of["layer_waterfall"] = pl.DataFrame(layers)


def _a_layer_missing(all_of: Tables) -> None:
    _a_layer_too_much(all_of)
    all_of["layer_waterfall"] = all_of["layer_waterfall"].with_columns(layer_no=2 * pl.col("layer_no") - 1)


FAULTS = {
    "key of person_year": _doubled_person,
    "person_burden_adds_up": _changed("person_year", "psn_fen", 1),
    "counted_items_sum_to_base": _changed("benefit_item", "base_fen", 4_899_999),
    "items_have_a_line": _changed("benefit_item", "benefit_id", 99),
    "cap_gap_has_its_benefit_line": _without_lines,
    "gap_and_distance": _changed("cap_gap", "gap_fen", 1_900_001),
    "amount_fits_status": _changed("cap_gap", "status", "forecast"),
    "file_rows_accounted_for": _changed("source_file", "n_accepted", 6),
    "rejected_rows_are_listed": _changed("source_file", "n_rejected", 2),
    "reconciliation_balances": _changed("reconciliation", "difference", 1),
    "names_and_numbers_are_masked": _changed("person_year", "name_masked", "张三"),
    "names_and_numbers_are_masked: 1": _changed("person_year", "certno_masked", "330112199001010017****"),
    "ids_are_texts": _plain_numbers_as_ids,
    "waterfall_steps_down: 1": _a_layer_too_much,
    "waterfall_steps_down": _a_layer_missing,
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_failing_check_prevents_the_publish_and_is_named(tmp_path: Path, name: str) -> None:
    path = publish(tmp_path, tables(), run_id=RUN)
    before = path.read_bytes()
    spoilt = tables()
    FAULTS[name](spoilt)
    with pytest.raises(WarehouseError, match=name):
        publish(tmp_path, spoilt, run_id="R2")
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["fengding.duckdb"]


def test_the_floor_at_zero_is_no_fault(tmp_path: Path) -> None:
    """A correction of −100 yuan alone: the person and the unit bear 0, and J4's items sum to less than their base."""
    floored = tables()
    first = pl.col("unit_id") == "J4"
    zero = {name: pl.when(first).then(0).otherwise(name) for name in ("burden_fen", "gap_fen")}
    floored["cap_gap"] = floored["cap_gap"].with_columns(
        **zero, distance_fen=pl.when(first).then("cap_fen").otherwise("distance_fen")
    )
    floored["benefit_line"] = floored["benefit_line"].with_columns(
        base_fen=pl.when(first).then(0).otherwise("base_fen")
    )
    floored["benefit_item"] = floored["benefit_item"].with_columns(
        base_fen=pl.when(pl.col("settlement_id") == "SJ4").then(-10_000).otherwise("base_fen")
    )
    of_person = pl.col("household_id") == "J4"
    floored["person_year"] = floored["person_year"].with_columns(
        psn_fen=pl.when(of_person).then(-10_000).otherwise("psn_fen"),
        burden_fen=pl.when(of_person).then(0).otherwise("burden_fen"),
    )
    assert check(publish(tmp_path, floored, run_id=RUN)) == []


def test_a_result_without_a_promised_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match=r"cap_gap.*village"):
        publish(tmp_path, {"cap_gap": cap_gap().drop("village")}, run_id=RUN)


def test_money_as_a_binary_fraction_and_an_unknown_table_are_refused(tmp_path: Path) -> None:
    floats = cap_gap().with_columns(cap_yuan=pl.lit(300.0)).drop("cap_fen")
    with pytest.raises(WarehouseError, match="cap_yuan"):
        publish(tmp_path, {"cap_gap": floats}, run_id=RUN)
    with pytest.raises(WarehouseError, match="nonsense"):
        publish(tmp_path, {"nonsense": cap_gap()}, run_id=RUN)
    assert read(tmp_path / "warehouse" / "fengding.duckdb", "cap_gap") is None


def test_an_as_of_run_leaves_the_live_file_alone(tmp_path: Path) -> None:
    live = publish(tmp_path, tables(), run_id=RUN)
    before = live.read_bytes()
    aside = publish(tmp_path, {}, run_id="R2", folder=tmp_path / "warehouse" / "asof" / "R2")
    assert aside == tmp_path / "warehouse" / "asof" / "R2" / "fengding.duckdb"
    assert live.read_bytes() == before


def test_the_file_is_for_its_owner_and_group(tmp_path: Path) -> None:
    assert publish(tmp_path, {}, run_id=RUN).stat().st_mode & 0o777 == 0o640


READER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
count = "select count(*) from mart.person_year"
print(connection.execute(count).fetchone()[0], flush=True)
for line in sys.stdin:
    print(connection.execute(count).fetchone()[0], flush=True)
connection.close()
print(duckdb.connect(sys.argv[1], read_only=True).execute(count).fetchone()[0], flush=True)
"""


def test_a_reader_in_another_process_keeps_its_file_until_it_reconnects(tmp_path: Path) -> None:
    path = publish(tmp_path, tables(), run_id=RUN)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout is not None and reader.stdin is not None
    assert reader.stdout.readline() == "7\n"
    publish(tmp_path, {}, run_id="R2")
    reader.stdin.write("again\n")
    reader.stdin.flush()
    assert reader.stdout.readline() == "7\n"
    rest, _ = reader.communicate(timeout=60)
    assert rest == "0\n"
    assert reader.returncode == 0


def test_what_a_killed_run_left_does_not_hinder_the_next(tmp_path: Path) -> None:
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / f".fengding-{RUN}.duckdb").write_bytes(b"half a file")
    (tmp_path / "warehouse" / f".fengding-{RUN}.duckdb.wal").write_bytes(b"half a log")
    path = publish(tmp_path, tables(), run_id=RUN)
    assert [p.name for p in path.parent.iterdir()] == ["fengding.duckdb"]


def test_the_analysts_examples_run(tmp_path: Path) -> None:
    path = publish(tmp_path, tables(), run_id=RUN)
    examples = sorted((Path(__file__).parent.parent / "sql" / "examples").glob("*.sql"))
    assert examples
    for example in examples:
        rows(path, example.read_text(encoding="utf-8"))
