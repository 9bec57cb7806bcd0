"""The warehouse: one DuckDB file, built new by each publish, checked, then swapped in whole.

A reader in mid-query keeps the old file until it reconnects; a failed publish leaves the old file untouched. Only
columns of the dictionary (`schemas.mart`) are published, so nothing that a result frame carries for internal use, and
no personal data, can slip into this open zone.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from schemas import core
from schemas.mart import PUBLISHED, TABLES, Column, Table
from stores.mart_rows import (
    WarehouseError,
    arrow_rows,
    columns_sql,
    in_order,
    origin,
    origins,
    repeated,
    select_list,
)
from transforms.pseudonym import ALPHABET, TEXT_LENGTH

Source = Sequence[Path] | pl.DataFrame | pl.LazyFrame
SQL = Path(__file__).resolve().parent.parent / "sql"
NAME = "fengding.duckdb"
CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "2GB",
}
LAKE_PARTS: dict[str, tuple[str, str]] = {
    "settlements": ("setl_d", "lake/core/setl_d/*/*/*.parquet"),
    "items": ("fee_list_d", "lake/core/fee_list_d/*.parquet"),
    "diagnoses": ("setl_diag_list_d", "lake/core/setl_diag_list_d/*.parquet"),
    "rosters": ("roster", "lake/core/roster/*.parquet"),
}
"""View of schema `lake` → its core table and the pattern of its parts below the home folder."""
LARGEST_FIRST = ("person_year", "benefit_item", "layer_waterfall")
"""Two tables are written at a time: those that take longest come first, so that both hands end together."""
HANDS = 2
_NOTHING = "(select 1 where false)"
STALE_SECONDS = 24 * 3600


def publish(
    home: Path,
    tables: Mapping[str, Source],
    *,
    run_id: str,
    links: pl.DataFrame | None = None,
    lake_parts: Mapping[str, tuple[str, str]] = LAKE_PARTS,
    folder: Path | None = None,
) -> Path:
    """Build the warehouse of `home` from result frames or Parquet parts and swap it in; returns its path.

    `tables` are mart columns with money as `*_fen` whole fen and keys as whole numbers; a table that is left out is
    created empty. `links` (id_key, person_key) says which keys belong to one person. `folder` is where the file goes
    instead of `<home>/warehouse` (an as-of run).
    """
    unknown = set(tables) - set(TABLES)
    if unknown:
        raise WarehouseError(f"数据字典中没有这些表：{', '.join(sorted(unknown))}")
    home = home.resolve()
    target = (folder or home / "warehouse") / NAME
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    with _new_file(target.parent / f".fengding-{run_id}.duckdb") as building:
        with duckdb.connect(str(building), config=CONFIG) as connection:
            failures = _build(connection, home, tables, links, lake_parts)
        _closed_cleanly(building)
        failures += check(building)
        if failures:
            raise WarehouseError("查询库检查未通过，未发布：" + "；".join(failures))
        building.chmod(0o640)
        _flush(building)
        os.replace(building, target)
    _flush(target.parent)
    return target


def check(path: Path) -> list[str]:
    """Run `sql/checks/*.sql` on a warehouse file: what fails, with its row count."""
    checks = {file.stem: file.read_text(encoding="utf-8") for file in sorted((SQL / "checks").glob("*.sql"))}
    with duckdb.connect(str(path), read_only=True) as connection, ThreadPoolExecutor(HANDS) as pool:
        counts = pool.map(lambda sql: _count(connection, sql.strip().rstrip(";")), checks.values())
        return [f"{name}: {rows}" for name, rows in zip(checks, counts, strict=True) if rows]


def read(path: Path, table: str) -> pl.DataFrame | None:
    """A published mart table with money as whole fen (`*_fen`); None where file or table is not there.

    A column that the dictionary has got since the file was published is null.
    """
    return read_all(path, [table]).get(table)


def read_all(path: Path, tables: Sequence[str]) -> dict[str, pl.DataFrame]:
    """As `read`, of several tables by one connection; those that are not there are left out."""
    if not path.exists():
        return {}
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'mart'"
        ).fetchall()
        found: dict[str, set[str]] = {}
        for name, column in rows:
            found.setdefault(str(name), set()).add(str(column))
        return {
            name: _frame(connection, TABLES[name], found[name], f"mart.{name}")
            for name in tables
            if name in found
        }


def as_read(tables: Mapping[str, Source], names: Sequence[str]) -> dict[str, pl.DataFrame]:
    """What `read_all` gives of some of the `tables` of a publish, without waiting for it: by the same SQL."""
    found = {}
    with duckdb.connect(config=CONFIG) as connection:
        for table in (TABLES[name] for name in names if name in PUBLISHED or name in tables):
            frame = in_order(_collected(tables.get(table.name, []), table), table)
            rows = f"(select {select_list(frame, table)} from {_NOTHING})"
            if frame.columns:
                connection.register("result", arrow_rows(frame, table))
                rows = f"(select {select_list(frame, table)} from result)"
            found[table.name] = _frame(connection, table, {c.name for c in table.columns}, rows)
    return found


def read_people(path: Path, people: pl.Series) -> dict[str, pl.DataFrame]:
    """`person_year` of some people (keys as texts) as `read` gives it; `latest_year`: region_code, cost_year."""
    with duckdb.connect(str(path), read_only=True) as connection:
        names = connection.execute("select column_name from (describe mart.person_year)").fetchall()
        connection.register("wanted", people.rename("person_key").to_frame().to_arrow())
        rows = "mart.person_year where person_key in (select person_key from wanted) order by rowid"
        frame = _frame(connection, TABLES["person_year"], {str(name) for (name,) in names}, rows)
        years = "select region_code, max(cost_year) as cost_year from mart.person_year group by 1"
        return {"person_year": frame, "latest_year": connection.sql(years).pl()}


def _frame(connection: duckdb.DuckDBPyConnection, table: Table, there: set[str], rows: str) -> pl.DataFrame:
    columns = ", ".join(_read_back(c, c.name in there) for c in table.columns)
    frame = pl.from_arrow(connection.sql(f"select {columns} from {rows}").to_arrow_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def _read_back(column: Column, there: bool) -> str:
    """SQL that gives a mart column back as results carry it: money in fen, everything else as it is."""
    name = column.name
    if name.endswith("_yuan"):
        value = f'("{name}" * 100)::bigint' if there else "null::bigint"
        return f'{value} as "{name.removesuffix("_yuan")}_fen"'
    return f'"{name}"' if there else f'null::{column.type} as "{name}"'


def _build(
    connection: duckdb.DuckDBPyConnection,
    home: Path,
    tables: Mapping[str, Source],
    links: pl.DataFrame | None,
    lake_parts: Mapping[str, tuple[str, str]],
) -> list[str]:
    """Fill a new file: macros, mart tables with comments, lake views. What is wrong with the keys of tables."""
    connection.execute(f"create schema mart; create schema lake; {_key_macro()}")
    left = iter(dict.fromkeys((*LARGEST_FIRST, *PUBLISHED, *tables)))
    with ThreadPoolExecutor(HANDS) as pool:
        hands = [pool.submit(_create_all, connection.cursor(), left, tables) for _ in range(HANDS)]
    failures = [failure for hand in hands for failure in hand.result()]
    connection.execute("begin")  # one write to the disk, not a thousand
    for macro in sorted((SQL / "macros").glob("*.sql")):
        connection.execute(macro.read_text(encoding="utf-8"))
    _create_links(connection, links)
    for view, (table, pattern) in lake_parts.items():
        _create_view(connection, home, view, table, pattern)
    connection.execute("commit")
    return failures


def _create_all(
    connection: duckdb.DuckDBPyConnection, left: Iterator[str], tables: Mapping[str, Source]
) -> list[str]:
    """Create mart tables as long as any are left, in one transaction; what is wrong with their keys."""
    with connection:
        connection.execute("begin")
        failures = [failure for n in left for failure in _create(connection, TABLES[n], tables.get(n, []))]
        connection.execute("commit")
    return failures


def _create(connection: duckdb.DuckDBPyConnection, table: Table, source: Source) -> list[str]:
    """One mart table, ordered by its key, with its comments; what is wrong with its key."""
    frame = in_order(_collected(source, table), table)
    connection.execute(f"create table mart.{table.name} ({columns_sql(frame, table)})")
    if frame.columns:
        connection.register("result", arrow_rows(frame, table))
        connection.execute(f"insert into mart.{table.name} select {select_list(frame, table)} from result")
        connection.unregister("result")
    comments = [f"comment on table mart.{table.name} is {_quoted(table.comment)}"]
    comments += [
        f'comment on column mart.{table.name}."{c.name}" is {_quoted(c.comment)}' for c in table.columns
    ]
    connection.execute(";\n".join(comments))
    twice = repeated(frame, table)
    return [f"key of {table.name}: {twice}"] if twice else []


def _collected(source: Source, table: Table) -> pl.DataFrame:
    """The columns of a source that a mart table is made of. Raises WarehouseError where a promised one is missing."""
    if isinstance(source, Sequence):
        parts = [pl.scan_parquet(path) for path in sorted(source)]
        source = pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame()
    schema = source.lazy().collect_schema()
    missing = [c.name for c in table.columns if c.pinned and schema and origin(c, schema) is None]
    if missing:
        raise WarehouseError(f"mart.{table.name}：结果中缺少列 {', '.join(missing)}")
    return source.lazy().select(origins(table, schema)).collect(engine="streaming")


def _key_macro() -> str:
    """`lake.key_text(prefix, number)`: the text form of a pseudonym, equal to `transforms.pseudonym.key_texts`."""
    letters = ", ".join(
        f"substr('{ALPHABET}', ((number >> {5 * place}) & 31)::integer + 1, 1)"
        for place in reversed(range(TEXT_LENGTH))
    )
    text = letters.replace("), substr", ") || substr")
    return f"create macro lake.key_text(prefix, number) as prefix || {text}"


def _create_links(connection: duckdb.DuckDBPyConnection, links: pl.DataFrame | None) -> None:
    """`lake.person_link`: keys that belong to another published person key."""
    frame = links if links is not None else pl.DataFrame(schema={"id_key": pl.Int64, "person_key": pl.Int64})
    connection.register("link", frame.select("id_key", "person_key").to_arrow())
    connection.execute("create table lake.person_link as select * from link order by id_key")
    connection.unregister("link")
    connection.execute(
        "comment on table lake.person_link is '人员键归并 / keys that belong to another published person key';"
        "comment on column lake.person_link.id_key is '行内人员键 / key of what the row itself shows, number';"
        "comment on column lake.person_link.person_key is '人员键 / published key as a number, number'"
    )


def _create_view(
    connection: duckdb.DuckDBPyConnection, home: Path, view: str, table: str, pattern: str
) -> None:
    """`lake.<view>` on the parts of this home, and `lake.<view>_at(home)` for a home that was moved or mounted."""
    empty = f"lake/empty/{table}.parquet"
    (home / empty).parent.mkdir(parents=True, exist_ok=True)
    if not (home / empty).exists():
        temporary = (home / empty).with_name(f".{table}.{os.getpid()}")
        core.empty(table).write_parquet(temporary)
        os.replace(temporary, home / empty)
    patterns = [empty, *([pattern] if any(home.glob(pattern)) else [])]
    select = (SQL / "views" / f"{view}.sql").read_text(encoding="utf-8").strip().rstrip(";")
    here = ", ".join(_quoted(f"{home}/{p}") for p in patterns)
    moved = ", ".join(f"home || {_quoted('/' + p)}" for p in patterns)
    connection.execute(f"create view lake.{view} as {_on_parts(select, here)}")
    connection.execute(f"create macro lake.{view}_at(home) as table {_on_parts(select, moved)}")
    connection.execute(";\n".join(_view_comments(connection, view, table)))


def _on_parts(select: str, files: str) -> str:
    return select.replace("$parts", f"read_parquet([{files}], hive_partitioning = false)")


def _view_comments(connection: duckdb.DuckDBPyConnection, view: str, table: str) -> list[str]:
    """Comments of a view and its columns, from the titles of the core table."""
    titles = {name: str(c.title) for name, c in core.MODELS[table].to_schema().columns.items()}
    docs = re.split(r"[:;.(]", core.MODELS[table].__doc__ or table)[0].strip()
    lines = [f"comment on view lake.{view} is {_quoted(f'{docs} / rows as delivered, of files that count')}"]
    for name, *_ in connection.execute(f"describe lake.{view}").fetchall():
        key = name.removesuffix("_yuan") + "_fen" if name.endswith("_yuan") else name
        unit = ", yuan" if name.endswith("_yuan") else ""
        title = titles.get(key) or titles.get(VIEW_ORIGIN.get(name, ""), name)
        lines.append(f'comment on column lake.{view}."{name}" is {_quoted(f"{title} / {name}{unit}")}')
    return lines


VIEW_ORIGIN = {"person_key": "id_key", "settlement_id": "setl_id", "head_person_key": "head_key"}
"""Column of a lake view → core column whose title explains it."""


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    with connection.cursor() as own:
        row = own.execute(f"select count(*) from (\n{sql}\n)").fetchone()
    return int(row[0]) if row else 0


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _new_file(path: Path) -> Iterator[Path]:
    """A path to build under, with nothing left there whatever happens."""
    _remove(path)
    try:
        yield path
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    for leftover in (path, path.with_name(path.name + ".wal")):
        leftover.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Take away what a run that was killed long ago has left."""
    for leftover in folder.glob(".fengding-*.duckdb*"):
        if leftover.is_file() and time.time() - leftover.stat().st_mtime > STALE_SECONDS:
            leftover.unlink(missing_ok=True)


def _closed_cleanly(path: Path) -> None:
    if path.with_name(path.name + ".wal").exists():
        raise WarehouseError("新的查询库没有正常关闭（留有 .wal 文件），未发布")


def _flush(path: Path) -> None:
    """Bring a file or a folder's entries to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
