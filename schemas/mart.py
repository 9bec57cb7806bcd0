"""The dictionary of schema `mart`: every table and column with type, unit, 中文名 and English meaning.

`docs/data-dictionary.md` is this module printed: `python -m schemas.mart` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.mart_columns import GLOSSARY
from schemas.mart_tables import SPECS, SPINE, TableSpec

DICTIONARY = Path(__file__).resolve().parent.parent / "docs" / "data-dictionary.md"
MONEY = "DECIMAL(18,2)"
KEY_PREFIX = {
    "person_key": "P",
    "head_person_key": "P",
    "owner_key": "P",
    "unit_id": "P",
    "object_id": "P",
    "benefit_id": "B",
    "adjustment_of": "B",
    "household_id": "H",
    "household_id_on_day": "H",
    "warning_id": "W",
}
"""Letter before the base-32 text of a pseudonym that a result frame carries as a whole number."""
RESULT_NAMES = {
    "settlement_id": "setl_id",
    "named_settlement_id": "setl_id",
    "table_name": "table",
    "head_person_key": "head_key",
    "message_zh": "finding_zh",
    "status": "state",
}
"""Mart column → the other name under which a result frame may carry it."""
UNIT_OF_TYPE = {"DATE": "date", "BOOLEAN": "true/false", "TEXT": "text"}


@dataclass(frozen=True)
class Column:
    """A mart column; `pinned` ones are promised to readers and must be delivered."""

    name: str
    type: str
    zh: str
    en: str
    unit: str
    pinned: bool

    @property
    def comment(self) -> str:
        """What the database says about the column: 中文名 / English, unit."""
        return f"{self.zh} / {self.en}, {self.unit}"

    @property
    def is_key(self) -> bool:
        """A pseudonym, published as a letter and 13 characters."""
        return self.name in KEY_PREFIX


@dataclass(frozen=True)
class Table:
    """A mart table with its columns in order; `key` orders its rows, and identifies them where `unique`."""

    name: str
    zh: str
    en: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    unique: bool

    @property
    def comment(self) -> str:
        """What the database says about the table: 中文名 / English grain."""
        return f"{self.zh} / {self.en}"


def _type_of(name: str) -> str:
    """The type that a column name itself tells."""
    if name.endswith("_yuan"):
        return MONEY
    if name.startswith("n_"):
        return "BIGINT"
    return "DATE" if name.endswith(("_on", "_date")) else "TEXT"


def _unit_of(name: str, kind: str) -> str:
    """The unit that a column's name and type tell."""
    if kind == MONEY:
        return "yuan"
    return "count" if kind == "BIGINT" else UNIT_OF_TYPE[kind]


def _glossary(text: str) -> dict[str, tuple[str, str, str, str]]:
    """Name (or `table.name`) → type, 中文名, English, unit."""
    entries: dict[str, tuple[str, str, str, str]] = {}
    for line in filter(str.strip, text.splitlines()):
        name, zh, en, *rest = (part.strip() for part in line.split("|"))
        bare = name.rpartition(".")[2]
        kind = rest[0] if rest else _type_of(bare)
        if name in entries:
            raise ValueError(f"the glossary explains {name} twice")
        entries[name] = (kind, zh, en, rest[1] if len(rest) > 1 else _unit_of(bare, kind))
    return entries


def _table(spec: TableSpec, glossary: dict[str, tuple[str, str, str, str]]) -> Table:
    """A table as written down, with the meanings of its columns."""
    pinned = spec.pinned.split()
    names = pinned + spec.extra.split()

    def column(name: str) -> Column:
        kind, zh, en, unit = glossary.get(f"{spec.name}.{name}") or glossary[name]
        return Column(name, kind, zh, en, unit, name in pinned)

    return Table(spec.name, spec.zh, spec.en, tuple(map(column, names)), tuple(spec.key.split()), spec.unique)


TABLES: dict[str, Table] = {spec.name: _table(spec, _glossary(GLOSSARY)) for spec in SPECS}
"""Every mart table by name."""
PUBLISHED: tuple[str, ...] = SPINE
"""The tables that a publish creates, with or without rows."""


def dictionary_text() -> str:
    """The data dictionary as Markdown: one section a table, one row a column; pinned columns carry a dot."""
    head = (
        "# Data dictionary 数据字典",
        "",
        "Schema `mart` of `warehouse/fengding.duckdb`. Written by `python -m schemas.mart`; do not edit.",
        "Columns marked ● are promised to readers; the others may change with a note in the change log.",
        "Money is `DECIMAL(18,2)` in yuan; an empty amount is an unknown amount, never zero.",
        "",
    )
    lines = list(head)
    for table in TABLES.values():
        key = "Key" if table.unique else "Order"
        state = "" if table.name in PUBLISHED else " Not published yet."
        lines += [
            f"## mart.{table.name} {table.zh}",
            "",
            f"{table.en[0].upper()}{table.en[1:]}. {key}: {', '.join(f'`{k}`' for k in table.key)}.{state}",
            "",
            "| Column | | Type | Unit | 中文名 | Meaning |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| `{c.name}` | {'●' if c.pinned else ''} | {c.type} | {c.unit} | {c.zh} | {c.en} |"
            for c in table.columns
        ]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    DICTIONARY.write_text(dictionary_text(), encoding="utf-8")
