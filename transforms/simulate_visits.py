"""What if, for assistance and tilt relief: the visits of a year counted again with other figures or readings.

In: what a run has kept of the year (`transforms.evidence.visits`). Out: rows of `transforms.simulate.ENTITLED`, one a
line. Nothing is stored. All amounts in fen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from transforms.pseudonym import key_texts
from transforms.rules.assistance import due
from transforms.rules.assistance_facts import Facts, Given
from transforms.rules.assistance_lines import KINDS
from transforms.simulate import ENTITLED

if TYPE_CHECKING:
    from schemas.assistance import Assistance

NOTHING = pl.DataFrame()


@dataclass(frozen=True)
class StoredVisits:
    """What was kept of the visits of one policy.

    visits, parts, opening: `transforms.evidence.visits`; certificates: person_key, county_code, code, valid_from,
    valid_to; people: person_key, P… text (household_id) and township_code.
    """

    visits: pl.DataFrame
    parts: pl.DataFrame
    opening: pl.DataFrame
    certificates: pl.DataFrame
    people: pl.DataFrame


def people_of(visits: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """person_key, household_id (the P… text) and township_code of everybody with a visit."""
    persons = visits.select("person_key").unique(maintain_order=True)
    named = persons.with_columns(household_id=key_texts(persons["person_key"], "P"))
    towns = places.select("person_key", "township_code").unique("person_key", keep="last")
    return named.join(towns, on="person_key", how="left", maintain_order="left")


def entitlements(rules: Assistance, stored: StoredVisits) -> pl.DataFrame:
    """ENTITLED of every line that the visits have under these rules."""
    visits = could_matter(_each(rules, stored), rules)
    counted = due(Facts(NOTHING, visits), _given(stored), rules, rules.readings)
    lines = [_lines(counted, rules, kind) for kind in KINDS if kind in rules.rules]
    found = pl.concat(lines).join(stored.people, on="person_key", how="left", maintain_order="left")
    return found.select(ENTITLED.names()).cast(ENTITLED)


def could_matter(visits: pl.DataFrame, rules: Assistance) -> pl.DataFrame:
    """The visits that could have a line at all: all others use no account and change nothing.

    A special disease, or one that may be it; a cost that reaches the gate, or the lowest threshold of tilt relief.
    Readings that look at the small visits of a person too (A-P02 c, A-P09 b) keep them.
    """
    if rules.readings.get("A-P02") == "c":
        return visits
    gate = min((terms.gate_fen for terms in rules.terms), default=0)
    lowest = min((fen for terms in rules.terms for fen in terms.tilt_threshold_fen.values()), default=None)
    special = pl.col("special").fill_null(True)
    if rules.readings.get("A-P09") == "b":
        special = special.any().over("person_key")
    stay = pl.col("inpatient").fill_null(True) | pl.lit(
        not all(terms.inpatient_only for terms in rules.terms)
    )
    high = (pl.col("tot_fen") >= gate).fill_null(True) & stay
    tilt = (pl.col("upper_fen") >= lowest).fill_null(True) if lowest is not None else pl.lit(False)
    return visits.filter(special | high | tilt)


def _each(rules: Assistance, stored: StoredVisits) -> pl.DataFrame:
    """The visits, or each settlement of a stay by itself where the reading asks for it (A-P02 a).

    Both are kept in the order of person, settlement time and number, so the place of a row stands for its number.
    """
    found = stored.visits
    if rules.readings.get("A-P02") == "a" and not stored.parts.is_empty():
        stays = stored.parts.select(visit_id="stay_id").unique()
        whole = found.join(stays, on="visit_id", how="anti", maintain_order="left")
        found = pl.concat([whole, stored.parts.select(whole.columns)]).sort(
            "person_key", "setl_time", "visit_id"
        )
    return found.with_columns(visit_id=pl.int_range(pl.len(), dtype=pl.Int64))


def _lines(visits: pl.DataFrame, rules: Assistance, kind: str) -> pl.DataFrame:
    name = KINDS[kind]
    amount = pl.col("tilt_fen" if kind == "tilt" else "ma_fen")
    threshold = {"special": pl.lit(None, pl.Int64), "inpatient": pl.col("gate_fen")}
    return visits.filter(f"{name}_line").select(
        "region_code",
        "category",
        "person_key",
        rule_id=pl.lit(rules.rules[kind].rule_id),
        unit_id=pl.lit(None, pl.String),
        n_persons=pl.lit(0, pl.Int64),
        burden_fen="r1_fen" if kind == "tilt" else "r0_fen",
        cap_fen=threshold.get(name, pl.col("tilt_threshold_fen")),
        state=pl.when(amount.is_null()).then(pl.lit("held")).otherwise(pl.lit("known")),
        amount_fen=amount,
        known_fen=amount.fill_null(0),
    )


def _given(stored: StoredVisits) -> Given:
    """What the count asks beside the visits: certificates and opening balances."""
    return Given(
        settlements=NOTHING, certificates=stored.certificates, members=NOTHING, referrals=NOTHING, filings=NOTHING,
        diagnoses=NOTHING, institutions=NOTHING, referred=pl.Series([], dtype=pl.String), opening=stored.opening,
        troubles=NOTHING, diseases=NOTHING, list_delivered=True, referral_free=NOTHING, alias=NOTHING,
        med_types=NOTHING, ranks=[],
    )  # fmt: skip
