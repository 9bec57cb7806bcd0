"""Amounts of assistance and tilt lines under the other readings of the articles (A-P01 …), for the review list.

Each reading is the whole year computed once more under it, so its effect on accounts and on tilt relief is in it. A
line is a case where the reading gives a known amount that is not the line's. All amounts in fen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from transforms.rules.assistance import due
from transforms.rules.assistance_facts import Facts, Given, split

if TYPE_CHECKING:
    from schemas.assistance import Assistance

CASES = pl.Schema(
    {
        "benefit_id": pl.String,
        "reading_key": pl.String,
        "reading": pl.String,
        "amount_fen": pl.Int64,
        "unit_id": pl.String,
    }
)


def other_readings(
    found: Facts, given: Given, assistance: Assistance, visits: pl.DataFrame, drafted: pl.DataFrame
) -> pl.DataFrame:
    """CASES: benefit_id, reading_key, reading, amount_fen, unit_id where another reading gives another amount.

    visits: `assistance.due` under the readings applied; drafted: `assistance_lines.drafts` of them. A visit has one
    assistance amount whichever rule gives it, so a line of one rule shows what the visit would get under the other.
    """
    cases = [pl.DataFrame(schema=CASES)]
    for key, letter in assistance.reviewed:
        asked = drafted.filter(pl.col("kind").is_in(_asked(assistance, key)))
        people = concerned(visits, assistance, key, letter)
        asked = asked.join(people, on="person_key", how="semi")
        if not asked.is_empty():
            mine = Facts(
                *(
                    frame.join(people, on="person_key", how="semi")
                    for frame in (found.settlements, found.visits)
                )
            )
            cases.append(_differing(asked, _amounts(mine, given, assistance, key, letter), key, letter))
    return pl.concat(cases).sort("benefit_id", "reading_key", "reading")


def concerned(visits: pl.DataFrame, assistance: Assistance, key: str, letter: str) -> pl.DataFrame:
    """person_key of everybody to whom the reading could matter at all; accounts are personal, so nobody else's do."""
    everybody = visits.select("person_key").unique()
    test = CONCERNED.get(f"{key}{letter}", CONCERNED.get(key))
    if test is None or assistance.readings[key] != USUAL.get(key, "a"):
        return everybody
    return visits.filter(test.fill_null(True)).select("person_key").unique()


USUAL = {"A-P02": "b", "A-P17": "c"}
"""Readings under which CONCERNED holds, where they are not a."""
_STAY = pl.col("is_inpatient") | pl.col("inpatient").is_null()
CONCERNED: dict[str, pl.Expr] = {
    "A-P01": pl.col("tilt_line"),
    "A-P02a": pl.col("n_settlements") > 1,
    "A-P02c": pl.col("tilt_line"),
    "A-P03": pl.col("tilt_line") & ~pl.col("is_inpatient"),
    "A-P04": pl.col("tilt_line"),
    "A-P05": pl.col("tilt_line") & (pl.col("ma_fen") == 0),
    "A-P06": pl.col("inpatient_line") | (pl.col("inpatient_before_fen") < pl.col("limit_inpatient_fen")),
    "A-P07": _STAY & (pl.col("tot_fen") >= pl.col("gate_fen")),
    "A-P08": pl.col("inpatient_line"),
    "A-P09b": pl.col("special"),
    "A-P09c": pl.col("by_diagnosis"),
    "A-P13": pl.col("admitted_on") != pl.col("visit_date"),
    "A-P17": pl.col("referral").is_in(["unknown", "emergency"]),
    "A-P21": pl.col("category") == "FANPIN",
    "A-P29": (pl.col("ma_after_fen") == 0) | (pl.col("tilt_after_fen") == 0),
    "A-P31": (pl.col("special_line") | pl.col("inpatient_line")) & (pl.col("ma_after_fen") == 0),
}
"""Reading → the visits that make it matter to their person; more rather than fewer, what is unknown included."""


def _asked(assistance: Assistance, key: str) -> list[str]:
    """The kinds of lines that a reading may move: those whose rule lists it, and tilt after assistance."""
    own = [kind for kind, rule in assistance.rules.items() if key in rule.readings]
    general = not own or any(kind != "tilt" for kind in own)
    return list(assistance.rules) if general else own + (list(assistance.rules) if key == "A-P04" else [])


def _amounts(found: Facts, given: Given, assistance: Assistance, key: str, letter: str) -> pl.DataFrame:
    """visit_id, ma_fen, tilt_fen under one other reading; null where it would be held."""
    readings = assistance.readings | {key: letter}
    columns = ["visit_id", "ma_fen", "tilt_fen"]
    if (key, letter) != ("A-P02", "a"):
        return due(found, given, assistance, readings).select(columns)
    parts = due(split(found, given, assistance), given, assistance, readings)
    whole = [
        pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()).alias(name) for name in columns[1:]
    ]
    return parts.group_by("stay_id", maintain_order=True).agg(whole).rename({"stay_id": "visit_id"})


def _differing(asked: pl.DataFrame, amounts: pl.DataFrame, key: str, letter: str) -> pl.DataFrame:
    other = pl.when(pl.col("kind") == "tilt").then("tilt_fen").otherwise("ma_fen")
    return (
        asked.select("benefit_id", "visit_id", "kind", "unit_id", default_fen="amount_fen")
        .join(amounts, on="visit_id")
        .with_columns(amount_fen=other)
        .filter(pl.col("amount_fen").is_not_null() & pl.col("amount_fen").ne_missing(pl.col("default_fen")))
        .select("benefit_id", "amount_fen", "unit_id", reading_key=pl.lit(key), reading=pl.lit(letter))
        .select(CASES.names())
        .cast(CASES)
    )
