"""`fengding explain`: everything a run has stored about a household or a person, put together. Computes nothing.

Reads the published results only; the one thing taken from the closed zone is the home's secret, to turn a certificate
number that the operator types into the key under which the person is known. The number itself goes nowhere.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import polars as pl

from flows.configuration import load_configuration
from flows.stored import Source, sources
from schemas.policy import Policies
from stores.errors import OperatorError
from stores.home import Home
from transforms.normalise_certificates import certificates
from transforms.pseudonym import key_number, key_texts, number_pseudonyms, pseudonyms

Row = dict[str, Any]
KEY = re.compile(r"^[PB][0-9A-HJKMNP-TV-Z]{13}$")
LONG_NUMBER = re.compile(r"\d{15}")
NEAR = 5


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


def explanation(home: Home, text: str, year: int, rule: str | None) -> Row:
    """All that is stored about `text` in a cost year. Raises OperatorError where there is no such object or rule."""
    policies = load_configuration(home, None).policies
    if rule is not None and rule not in policies.rules:
        near = get_close_matches(rule, list(policies.rules), n=3, cutoff=0.4)
        raise OperatorError(f"没有规则 {rule}。{'最接近的：' + '、'.join(near) if near else ''}")
    wanted = found(home, text.strip(), sources(home, year))
    return gathered(home, wanted, policies, year, rule)


# ---- what is asked about


def found(home: Home, text: str, where: list[Source]) -> Wanted:
    """The object that `text` names: a benefit, a person key, a household, or a certificate number."""
    typed = text.upper()
    for source in where:
        if KEY.match(typed) and typed[0] == "B" and (wanted := _benefit(source, typed)):
            return wanted
        if KEY.match(typed) and typed[0] == "P" and (wanted := _person(source, key_number(typed))):
            return wanted
        if wanted := _household(source, text):
            return wanted
    for key in certificate_keys(home, text):
        for source in where:
            if wanted := _person(source, key):
                return wanted
    raise OperatorError(_not_found(text, where))


def _not_found(text: str, where: list[Source]) -> str:
    """Why nothing is shown; near household numbers, never persons, and never the number of a paper."""
    if LONG_NUMBER.search(text):
        return "这一年度没有这个证件号码或家庭编号的人员、家庭。请核对号码和年度（号码不在这里显示）。"
    if KEY.match(text.upper()):
        return f"这一年度没有编号 {text.upper()}。请核对编号和年度。"
    ids = [name for source in where for name in household_numbers(source)]
    near = get_close_matches(text, ids, n=NEAR, cutoff=0.7)
    hint = f"相近的家庭编号：{'、'.join(near)}。" if near else ""
    return f"这一年度没有家庭或人员 {text}。{hint}可以写家庭编号、H…、P…、B… 编号或证件号码。"


def household_numbers(source: Source) -> list[str]:
    """Every household number of the year: of households, units, and numbers that were taken over."""
    columns = [
        source.regional("household_year").select("household_id"),
        source.scan("household_alias").select("household_id"),
    ]
    if source.has("cap_gap"):
        columns.append(source.regional("cap_gap").select(household_id="unit_id"))
    return sorted(set(pl.concat(columns).collect()["household_id"].drop_nulls()))


def certificate_keys(home: Home, text: str) -> list[int]:
    """The keys that a certificate number can stand under, its kind not being known; empty without a secret."""
    made = (home.vault / "secret.key").exists()
    if not made and not any(os.environ.get(name) for name in ("FENGDING_SECRET", "FENGDING_SECRET_FILE")):
        return []
    read = certificates(pl.Series([text]))
    if read.number[0] is not None:
        return number_pseudonyms(read.number, home.secret()).to_list()
    if read.other[0] is None:
        return []
    kinds = ["", *(f"{number:02d}" for number in range(1, 100))]
    return pseudonyms(pl.Series([f"{kind}|{read.other[0]}" for kind in kinds]), home.secret()).to_list()


def _benefit(source: Source, benefit: str) -> Wanted | None:
    if not source.has("benefit_line"):
        return None
    lines = source.regional("benefit_line").filter(benefit_id=benefit).collect()
    if lines.is_empty():
        return None
    line = lines.row(0, named=True)
    if line["unit_type"] == "person" and line["person_key"] is not None:
        return Wanted("benefit", benefit, source, [line["person_key"]], [], benefit=benefit)
    household = _unit_households(source, pl.col("unit_id") == line["unit_id"])
    return Wanted("benefit", benefit, source, _members(source, household), household, benefit=benefit)


def _person(source: Source, key: int) -> Wanted | None:
    linked = source.scan("link").filter(id_key=key).collect()
    person = int(linked["person_key"][0]) if linked.height else key
    if source.regional("person_year").filter(person_key=person).collect().is_empty():
        return None
    there = (
        source.scan("membership").filter(person_key=person).select("household_id").collect()["household_id"]
    )
    own = _unit_households(source, pl.col("head_person_key") == person)
    return Wanted("person", key_text(person), source, [person], sorted({*there, *own}))


def _household(source: Source, text: str) -> Wanted | None:
    """A household by its number, that of one of its units, or a number that it took over."""
    renamed = source.scan("household_alias").filter(household_id=text).collect()
    number = str(renamed["year_household_id"][0]) if renamed.height else text
    of_unit = _unit_households(source, pl.col("unit_id") == number)
    listed = source.regional("household_year").filter(household_id=number).collect()
    if not of_unit and listed.is_empty():
        return None
    household = of_unit or [number]
    unit = number if of_unit and number != of_unit[0] else None
    return Wanted("household", number, source, _members(source, household), household, unit=unit)


def _unit_households(source: Source, which: pl.Expr) -> list[str]:
    if not source.has("cap_gap"):
        return []
    return sorted(set(source.regional("cap_gap").filter(which).collect()["household_id"]))


def _members(source: Source, households: list[str]) -> list[int]:
    """Everybody who belonged to the households in the year; of one without a roster number the person alone."""
    inside = source.scan("membership").filter(pl.col("household_id").is_in(households)).collect()
    people = inside.sort("valid_from", "person_key")["person_key"].unique(maintain_order=True).to_list()
    if not people and source.has("cap_gap"):
        heads = source.regional("cap_gap").filter(pl.col("household_id").is_in(households)).collect()
        people = heads["head_person_key"].drop_nulls().unique().sort().to_list()
    return people


# ---- what is stored about it


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
        "settlements": [] if lines else _settlements(source, people, names),
        "missing": _troubles(source, people, names),
        "decisions": _decisions(source, lines, names),
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
    lines = source.regional("benefit_line")
    if wanted.benefit:
        lines = lines.filter(benefit_id=wanted.benefit)
    else:
        gaps = source.regional("cap_gap").filter(pl.col("household_id").is_in(wanted.households)).collect()
        own = [wanted.unit] if wanted.unit else gaps["unit_id"].to_list()
        people = pl.col("person_key").is_in(wanted.persons)
        lines = lines.filter(
            pl.col("unit_id").is_in(own) if wanted.unit else pl.col("unit_id").is_in(own) | people
        )
    if rule:
        lines = lines.filter(rule_id=rule)
    return lines.sort("rule_id", "unit_id", "settlement_id", nulls_last=True).collect().to_dicts()


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
        "gap": gap,
        "items": [{**_item(row), "source": names.where(row)} for row in items.iter_rows(named=True)],
        "readings_applied": [
            _reading(policies, *part.split("=")) for part in (line["readings"] or "").split(";") if part
        ],
        "other_readings": [
            {**_reading(policies, row["reading_key"], row["reading"]), "amount_yuan": yuan(row["amount_fen"])}
            for row in cases.iter_rows(named=True)
        ],
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


def _decisions(source: Source, lines: list[Row], names: FileNames) -> list[Row]:
    """Decisions on the lines, as the run used them; their reasons and who took them stay in the closed zone."""
    if not source.has("decision"):
        return []
    rows = (
        source.scan("decision")
        .filter(pl.col("benefit_id").is_in([line["benefit_id"] for line in lines]))
        .collect()
    )
    kept = [
        name
        for name in ("benefit_id", "decision", "decision_value", "decided_on", "stale")
        if name in rows.columns
    ]
    return [
        {**told({name: row[name] for name in kept}), "source": names.where(row)}
        for row in rows.iter_rows(named=True)
    ]


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
