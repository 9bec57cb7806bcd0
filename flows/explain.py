"""`fengding explain`: everything a run has stored about a household or a person, put together. Computes nothing.

Reads the published results only; of the closed zone it takes the home's secret, to turn a certificate
number that the operator types into the key under which the person is known. The number itself goes nowhere.
"""

from __future__ import annotations

import os
import re
from difflib import get_close_matches

import polars as pl

from flows.configuration import load_configuration
from flows.explain_rows import Row, Wanted, gathered, key_text
from flows.stored import Source, sources
from stores.errors import OperatorError
from stores.home import Home
from transforms.normalise_certificates import certificates
from transforms.pseudonym import key_number, number_pseudonyms, pseudonyms

KEY = re.compile(r"^[PB][0-9A-HJKMNP-TV-Z]{13}$")
LONG_NUMBER = re.compile(r"\d{15}")
NEAR = 5


def explanation(home: Home, text: str, year: int, rule: str | None) -> Row:
    """All that is stored about `text` in a cost year. Raises OperatorError where there is no such object or rule."""
    policies = load_configuration(home, None).policies
    if rule is not None and rule not in policies.rules:
        near = get_close_matches(rule, list(policies.rules), n=3, cutoff=0.4)
        raise OperatorError(f"没有规则 {rule}。{'最接近的：' + '、'.join(near) if near else ''}")
    wanted = found(home, text.strip(), sources(home, year))
    return gathered(home, wanted, policies, year, rule)


# ---- what is asked about


def found(home: Home, text: str, where: list[Source], *, ever: bool = False) -> Wanted:
    """The object that `text` names: a benefit, a person key, a household, or a certificate number.

    `ever`: also a person who only was on a roster in another year.
    """
    typed = text.upper()
    for source in where:
        if KEY.match(typed) and typed[0] == "B" and (wanted := _benefit(source, typed)):
            return wanted
        if KEY.match(typed) and typed[0] == "P" and (wanted := _person(source, key_number(typed), ever=ever)):
            return wanted
        if wanted := _household(source, text):
            return wanted
    for key in certificate_keys(home, text):
        for source in where:
            if wanted := _person(source, key, ever=ever):
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


def _person(source: Source, key: int, *, ever: bool) -> Wanted | None:
    linked = source.scan("link").filter(id_key=key).collect()
    person = int(linked["person_key"][0]) if linked.height else key
    of_year = source.regional("person_year").filter(person_key=person).collect()
    if of_year.is_empty() and not (ever and _once_listed(source, person)):
        return None
    there = (
        source.scan("membership").filter(person_key=person).select("household_id").collect()["household_id"]
    )
    own = _unit_households(source, pl.col("head_person_key") == person)
    return Wanted("person", key_text(person), source, [person], sorted({*there, *own}))


def _once_listed(source: Source, person: int) -> bool:
    """Whether the rosters of any time that the run knew of show the person."""
    spans = ("certificate_span", "membership_span")
    return any(source.scan(name).filter(person_key=person).collect().height for name in spans)


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
