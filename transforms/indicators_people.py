"""What the indicators of persons and households count: enrolment, monitoring, resolved high cost (IND-1, 2, 5, 7, 8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from transforms.spans import FAR, below

APPROVED = ("confirmed", "paid")
"""States of a unit whose aid a decision or a closed list has approved, or a fund has paid in full."""
Count = tuple[int, int]
"""Numerator and denominator, persons or households."""


def holders(
    certificates: pl.DataFrame, codes: Sequence[str], territory: str, day: date, gone: pl.Series
) -> pl.Series:
    """person_key of everybody with one of `codes`, recognised in the territory, in force on the day.

    `gone`: people who had died by then.
    """
    in_force = pl.lit(day).is_between("valid_from", pl.col("valid_to").fill_null(FAR))
    mine = below("county_code", territory) & pl.col("code").is_in(list(codes)) & in_force
    people = certificates.filter(mine)["person_key"].unique()
    return people.filter(~people.is_in(gone.implode())).sort()


def died_by(people: pl.DataFrame, day: date) -> pl.Series:
    """person_key of people who are known to have died by a day, or on an unknown one."""
    dead = pl.col("dead").fill_null(False) & pl.col("deceased_on").is_null()
    return people.filter(dead | (pl.col("deceased_on") <= day))["person_key"]


def in_set(people: pl.Series, among: pl.Series) -> Count:
    """How many of the people are in the set, and how many there are."""
    return int(people.is_in(among.unique().implode()).sum()), len(people)


def subsidised(people: pl.Series, insured: pl.DataFrame) -> Count:
    """IND-1: insured, and subsidised for the year or insured as an employee ÷ the people entitled.

    `insured`: person_key, employee, subsidised (a line of 资助参保台账) of people insured on the yardstick date.
    """
    return in_set(people, insured.filter(pl.col("employee") | pl.col("subsidised"))["person_key"])


def with_aid(cap_gap: pl.DataFrame) -> pl.DataFrame:
    """Units above their cap or relief threshold, with the aid that is paid, or approved and due (aid_fen)."""
    approved = pl.when(pl.col("status").is_in(list(APPROVED)) | pl.col("confirmed").fill_null(False))
    granted = approved.then(pl.col("amount_fen").fill_null(0)).otherwise(0)
    return cap_gap.filter(pl.col("gap_fen") > 0).with_columns(
        aid_fen=pl.max_horizontal(pl.col("paid_fen").fill_null(0), granted)
    )


def resolved_units(over: pl.DataFrame) -> Count:
    """IND-5: units whose excess is covered by what is paid or approved ÷ units over the threshold (A-Z05)."""
    return int((over["aid_fen"] >= over["gap_fen"]).sum()), over.height


def resolved_excess(over: pl.DataFrame) -> Count:
    """IND-5 by amount: excess covered by aid ÷ excess, in fen."""
    covered = over.select(pl.min_horizontal("aid_fen", "gap_fen").clip(0).sum()).item()
    return int(covered), int(over["gap_fen"].sum())


def registered_in(people: pl.Series, hukou: pl.DataFrame, county: str) -> pl.Series:
    """The people whose 户籍 is in the county; who shows none is registered where the roster lists him (A-W13)."""
    elsewhere = hukou.filter(~pl.col("hsreg_county").str.starts_with(county))["person_key"]
    return people.filter(~people.is_in(elsewhere.implode()))


def in_register(register: pl.DataFrame, day: date) -> pl.Series:
    """person_key of everybody in the risk register on a day (mart.risk_register; left_on: the last day in it)."""
    there = (pl.col("entered_on") <= day) & pl.col("left_on").fill_null(FAR).ge(day)
    return register.filter(there)["person_key"].unique()
