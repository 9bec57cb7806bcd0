"""What a run has stored about a household or a person, put together as one JSON object. Computes nothing.

Amounts are yuan as text, unknown ones null. What an officer wrote in a decision is read from the closed zone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from flows.explain_enrolment import enrolment_of, is_premium
from flows.stored import Source
from schemas.policy import Policies
from stores.home import Home
from stores.vault import Vault
from transforms.pseudonym import key_texts

Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What is asked about: persons, households, and one unit or benefit line where it is only that."""

    kind: str
    id: str
    source: Source
    persons: list[int]
    households: list[str]
    unit: str | None = None
    benefit: str | None = None


def gathered(home: Home, wanted: Wanted, policies: Policies, year: int, rule: str | None) -> Row:
    """The stored rows about an object as one JSON object; amounts in yuan as text, unknown ones null."""
    source = wanted.source
    names = FileNames(home)
    lines = _lines(wanted, rule)
    people = wanted.persons
    return {
        "status": "done",
        "year": year,
        "run_id": source.manifest["run_id"],
        "on": source.manifest["on"],
        "object": {"type": wanted.kind, "id": wanted.id},
        "households": [_household_rows(source, number) for number in wanted.households],
        "persons": [_person_rows(source, person, wanted.households, names) for person in people],
        "benefits": [_line_rows(source, line, policies, names) for line in lines],
        "payments": _payments(source, people, [line["benefit_id"] for line in lines], names),
        "settlements": []
        if any(not is_premium(policies, line["rule_id"]) for line in lines)
        else _settlements(source, people, names),
        "missing": _troubles(source, people, names),
        "decisions": [
            *_decisions(home, source, lines, names),
            *_list_decisions(home, source, people, year, names),
        ],
        "adjustments": _adjustments(source, lines),
        "enrolment": {key_text(key): rows for key, rows in enrolment_of(source, people).items()},
        "warnings": [],
        "asked_rule": rule,
    }


class FileNames:
    """file_id → name of the file as received; read once each, the id where the name is not known."""

    def __init__(self, home: Home) -> None:
        self._folder = home.files
        self._known: dict[str, str] = {}

    def where(self, row: Row) -> Row:
        """The place that a row came from: file, name, sheet, row."""
        file_id = row.get("file_id")
        if file_id is None:
            return {"file_id": None, "file": None, "sheet": None, "row": None}
        if file_id not in self._known:
            path = self._folder / f"{file_id}.json"
            name = json.loads(path.read_text(encoding="utf-8")).get("name") if path.exists() else None
            self._known[file_id] = name or file_id
        return {
            "file_id": file_id,
            "file": self._known[file_id],
            "sheet": row.get("sheet"),
            "row": row.get("source_row"),
        }


def key_text(number: int) -> str:
    """A person's key as it is published, P…"""
    return str(key_texts(pl.Series([number]), "P")[0])


def yuan(fen: int | None) -> str | None:
    """Fen as yuan in plain digits; null where unknown."""
    if fen is None:
        return None
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def told(row: Row) -> Row:
    """A stored row as the JSON object shows it: `_fen` as `_yuan`, keys and dates as text."""
    shown: Row = {}
    for name, value in row.items():
        if name.endswith("_fen"):
            shown[f"{name.removesuffix('_fen')}_yuan"] = yuan(value)
        elif name in ("person_key", "head_person_key", "head_key"):
            shown[name] = None if value is None else key_text(value)
        elif value is None or isinstance(value, (bool, int, str)):
            shown[name] = value
        else:
            shown[name] = str(value)
    return shown


def _one(frame: pl.LazyFrame) -> Row | None:
    rows = frame.collect().to_dicts()
    return told(rows[0]) if rows else None


def _household_rows(source: Source, number: str) -> Row:
    """A household: its row of the year and the numbers that it had before."""
    aliases = source.scan("household_alias").filter(pl.col("year_household_id") == number).collect()
    earlier = sorted({name for name in aliases["household_id"] if name != number})
    units = []
    if source.has("cap_gap"):
        units = (
            source.regional("cap_gap")
            .filter(household_id=number)
            .sort("unit_id")
            .collect()["unit_id"]
            .to_list()
        )
    return {
        "household_id": number,
        "earlier_numbers": earlier,
        "units": units,
        "year": _one(source.regional("household_year").filter(household_id=number)),
    }


def _person_rows(source: Source, person: int, households: list[str], names: FileNames) -> Row:
    """A person: the row of the year, memberships, certificates."""
    spells = source.scan("membership").filter(person_key=person).sort("valid_from", "household_id").collect()
    papers = source.scan("certificate").filter(person_key=person).sort("valid_from", "code").collect()
    return {
        "person_key": key_text(person),
        "year": _one(source.scan("person_year").filter(person_key=person)),
        "memberships": [
            {
                "household_id": row["household_id"],
                "from": str(row["valid_from"]),
                "to": str(row["valid_to"]),
                "here": row["household_id"] in households,
            }
            for row in spells.iter_rows(named=True)
        ],
        "certificates": [
            {
                "category": row["code"],
                "from": str(row["valid_from"]),
                "to": None if row["valid_to"] is None else str(row["valid_to"]),
                "department": row.get("department"),
                "county_code": row["county_code"],
                "source": names.where(row),
            }
            for row in papers.iter_rows(named=True)
        ],
    }


def _lines(wanted: Wanted, rule: str | None) -> list[Row]:
    """The stored benefit lines of the object, with their row of cap_gap where they have one."""
    source = wanted.source
    if not source.has("benefit_line"):
        return []
    lines = source.regional("benefit_line").filter(pl.col("adjustment_of").is_null())
    if wanted.benefit:
        lines = lines.filter(benefit_id=wanted.benefit)
    else:
        own = [wanted.unit] if wanted.unit else _units(wanted)
        people = pl.col("person_key").is_in(wanted.persons)
        lines = lines.filter(
            pl.col("unit_id").is_in(own) if wanted.unit else pl.col("unit_id").is_in(own) | people
        )
    if rule:
        lines = lines.filter(rule_id=rule)
    return lines.sort("rule_id", "unit_id", "settlement_id", nulls_last=True).collect().to_dicts()


def _units(wanted: Wanted) -> list[str]:
    """The units of the households under a cap; a year without caps has none."""
    if not wanted.source.has("cap_gap"):
        return []
    # under a cap on the person, others of the household have units of their own
    theirs = (pl.col("unit_type") != "person") | pl.col("head_person_key").is_in(wanted.persons)
    mine = pl.col("household_id").is_in(wanted.households) & theirs
    return wanted.source.regional("cap_gap").filter(mine).collect()["unit_id"].to_list()


def _line_rows(source: Source, line: Row, policies: Policies, names: FileNames) -> Row:
    """A benefit line with its article and document, its items, readings and the amounts under other readings."""
    benefit = line["benefit_id"]
    gap = _one(source.scan("cap_gap").filter(benefit_id=benefit)) if source.has("cap_gap") else None
    items = source.scan("benefit_item").filter(benefit_id=benefit).collect()
    items = items.sort("setl_date", "settlement_id", "source_row", nulls_last=True)
    cases = source.scan("review_case").filter(benefit_id=benefit).sort("reading_key", "reading").collect()
    return {
        **told(line),
        **articles(policies, line["rule_id"]),
        "premium": is_premium(policies, line["rule_id"]),
        "gap": gap,
        "visit": _visit(source, line),
        "items": [{**_item(row), "source": names.where(row)} for row in items.iter_rows(named=True)],
        "readings_applied": [
            _reading(policies, *part.split("=")) for part in (line["readings"] or "").split(";") if part
        ],
        "other_readings": [
            {**_reading(policies, row["reading_key"], row["reading"]), "amount_yuan": yuan(row["amount_fen"])}
            for row in cases.iter_rows(named=True)
        ],
    }


VISIT = (
    "visit_date", "admitted_on", "inpatient", "level", "place", "special", "by_diagnosis", "referral", "flagged",
    "n_settlements", "tot_fen", "pol_fen", "r0_fen",
)  # fmt: skip
"""What is told of a visit, of all that the run looked at."""


def _visit(source: Source, line: Row) -> Row | None:
    """Of a line on a single visit: what was known of the visit, and why the line is held or less than usual."""
    if line["settlement_id"] is None or not source.has("assistance_visit"):
        return None
    mine = pl.col("visit_id") == line["settlement_id"]
    found = source.scan("assistance_visit").filter(mine).select(VISIT).collect().to_dicts()
    notes = source.scan("assistance_note").filter(benefit_id=line["benefit_id"]).collect().to_dicts()
    note = notes[0] if notes else {}
    return {
        **(told(found[0]) if found else {}),
        "note": note.get("note"),
        "held_reason": note.get("held_reason"),
        "kind": note.get("kind"),
        "before_floor_yuan": yuan(note.get("raw_fen")),
    }


def _item(row: Row) -> Row:
    return told(
        {name: value for name, value in row.items() if name not in ("file_id", "sheet", "source_row")}
    )


def articles(policies: Policies, rule_id: str) -> Row:
    """Title and document of a rule, and the articles of its neighbours: who is meant, and what is counted."""
    rule = policies.rules.get(rule_id)
    if rule is None:
        return {"title": rule_id, "document": None, "steps": {}}
    same = sorted((r for r in policies.rules.values() if r.policy.id == rule.policy.id), key=lambda r: r.id)
    steps = {}
    for kind in ("eligibility", "burden"):
        found_rule = next((r for r in same if r.rule.kind == kind), rule)
        steps[kind] = {
            "rule_id": found_rule.id,
            "article": found_rule.rule.article,
            "quote": found_rule.rule.quote,
        }
    steps["amount"] = {"rule_id": rule.id, "article": rule.rule.article, "quote": rule.rule.quote}
    return {"title": rule.rule.title, "document": rule.policy.document, "steps": steps}


def _reading(policies: Policies, key: str, letter: str) -> Row:
    known = policies.readings.get(key)
    return {
        "reading_key": key,
        "reading": letter,
        "question": known.question if known else None,
        "meaning": known.options.get(letter) if known else None,
    }


def _payments(source: Source, people: list[int], benefits: list[str], names: FileNames) -> list[Row]:
    """Supplementary payments to the people, and what the fund has paid on the lines."""
    rows = source.scan("payment").filter(
        pl.col("person_key").is_in(people) | pl.col("benefit_id").is_in(benefits).fill_null(False)
    )
    order = [
        name
        for name in ("paid_on", "serial", "file_id", "source_row")
        if name in rows.collect_schema().names()
    ]
    return [
        {**_item(row), "source": names.where(row)}
        for row in rows.sort(order, nulls_last=True).collect().iter_rows(named=True)
    ]


def _decisions(home: Home, source: Source, lines: list[Row], names: FileNames) -> list[Row]:
    """Decisions on the lines, as the run used them, with what the officer wrote."""
    if not source.has("decision"):
        return []
    mine = pl.col("benefit_id").is_in([line["benefit_id"] for line in lines])
    return _worded(home, source.scan("decision").filter(mine).collect(), names)


def _list_decisions(home: Home, source: Source, people: list[int], year: int, names: FileNames) -> list[Row]:
    """Decisions that confirm a list on which one of the people no longer stands, and the certificates that ended by it
    in the year or with the year before; each with the number of the list (`object_id`).
    """
    if not source.has("ended_by_list"):
        return []
    in_year = pl.col("valid_to").is_between(date(year - 1, 12, 31), date(year, 12, 31))
    ended = source.scan("ended_by_list").filter(pl.col("person_key").is_in(people), in_year).collect()
    row = ["file_id", "sheet", "source_row"]
    rows = source.scan("decision").join(ended.lazy(), on=row, how="semi", nulls_equal=True).collect()
    if rows.is_empty():
        return []
    by_row = ended.rows_by_key(row, named=True)
    return [
        {
            **worded,
            "object_id": each["object_id"],
            "ended": [told(end) for end in by_row[tuple(each[name] for name in row)]],
        }
        for worded, each in zip(_worded(home, rows, names), rows.iter_rows(named=True), strict=True)
    ]


def _worded(home: Home, rows: pl.DataFrame, names: FileNames) -> list[Row]:
    """Rows of the mart's decisions as the explanation shows them, with what the officer wrote."""
    written = words(home, rows)
    kept = [
        name
        for name in (
            "benefit_id",
            "decision",
            "decision_value",
            "decided_on",
            "status",
            "stale",
            "message_zh",
        )
        if name in rows.columns
    ]
    return [
        {
            **told({name: row[name] for name in kept}),
            **written.get(
                (row["file_id"], row["sheet"], row["source_row"]), {"reason": None, "decided_by": None}
            ),
            "source": names.where(row),
        }
        for row in rows.iter_rows(named=True)
    ]


def words(home: Home, decisions: pl.DataFrame) -> dict[tuple[str, str | None, int], Row]:
    """理由 and 决定人 by file, sheet and row: read in the vault, where alone they are kept."""
    files = decisions.select("file_id").unique().sort("file_id")
    there = [name for name in files["file_id"] if (home.vault / "decision" / f"{name}.sealed").is_file()]
    if not there:
        return {}
    sealed = Vault(home).read("decision", pl.DataFrame({"file_id": there}))
    return {
        (row["file_id"], row["sheet"], row["source_row"]): {
            "reason": row["reason"],
            "decided_by": row["decided_by"],
        }
        for row in sealed.iter_rows(named=True)
    }


def _adjustments(source: Source, lines: list[Row]) -> list[Row]:
    """The lines that adjust these: what is still to be paid, or to come back."""
    if not lines:
        return []
    of = pl.col("adjustment_of").is_in([line["benefit_id"] for line in lines])
    rows = (
        source.regional("benefit_line").filter(of).sort("rule_id", "settlement_id", nulls_last=True).collect()
    )
    kept = ("benefit_id", "adjustment_of", "rule_id", "settlement_id", "amount_fen", "status")
    return [told({name: row[name] for name in kept}) for row in rows.iter_rows(named=True)]


def _settlements(source: Source, people: list[int], names: FileNames) -> list[Row]:
    """Settlements of people without a benefit line, counted in their burden or set aside."""
    places = source.scan("institution")
    held = source.scan("settlement").with_columns(state=pl.lit("counted"), reason_zh=pl.lit(None, pl.String))
    both = pl.concat([held, source.scan("uncounted")], how="diagonal_relaxed").filter(
        pl.col("person_key").is_in(people)
    )
    rows = both.join(places, on="institution_code", how="left").sort(
        "setl_time", "setl_id", "source_row", nulls_last=True
    )
    return [{**_item(row), "source": names.where(row)} for row in rows.collect().iter_rows(named=True)]


def _troubles(source: Source, people: list[int], names: FileNames) -> list[Row]:
    """Rows that make the people's amounts unknown: rejected, half missing or to be looked into."""
    rows = source.scan("trouble").filter(pl.col("person_key").is_in(people)).collect()
    return [
        {
            "person_key": None if row["person_key"] is None else key_text(row["person_key"]),
            "settlement_id": row["setl_id"],
            "reason": row["reason_zh"],
            "source": names.where(row),
        }
        for row in rows.iter_rows(named=True)
    ]
