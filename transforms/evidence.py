"""What a cost year keeps beside its results, so that they can be explained and replayed with other parameters.

`fengding explain` reads these tables, `fengding simulate` counts from them. They hold keys and amounts of people on a
roster or with payments, never a name or a number of a paper. All amounts in fen.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from transforms.spans import FAR, overlapping

if TYPE_CHECKING:
    from transforms.rules.assistance_facts import Facts

CERTIFICATE = [
    "person_key", "county_code", "code", "department", "valid_from", "valid_to", "file_id", "sheet", "source_row",
]  # fmt: skip
MEMBERSHIP = ["person_key", "household_id", "valid_from", "valid_to", "held_from", "held_to"]
SETTLEMENT = [
    "setl_id", "person_key", "county_code", "designated", "setl_time", "med_type", "institution_code",
    "tot_fen", "pol_fen", "psn_fen", "acct_fen", "cash_fen", "com_used_fen", "sub_used_fen", "neg_fen", "burden_fen",
    "illness", "file_id", "sheet", "source_row",
]  # fmt: skip
UNCOUNTED = [
    "setl_id", "person_key", "setl_time", "institution_code", "tot_fen", "psn_fen", "state", "reason_zh", "partner_id",
    "file_id", "sheet", "source_row",
]  # fmt: skip
TROUBLE = ["person_key", "setl_id", "cost_year", "setl_date", "reason_zh", "file_id", "sheet", "source_row"]


VISIT = [
    "policy_id", "visit_id", "stay_id", "person_key", "region_code", "setl_time", "visit_date", "admitted_on",
    "category", "inpatient", "level", "designated", "place", "special", "by_diagnosis", "referral", "flagged",
    "n_settlements", "tot_fen", "pol_fen", "r0_fen", "acct_fen", "extra_fen", "upper_fen", "bound_fen", "bound_open",
]  # fmt: skip
OPENING = ["policy_id", "person_key", "year", "account", "amount_fen", "as_of"]


def visits(found: Facts, parts: Facts, opening: pl.DataFrame, policy_id: str) -> dict[str, pl.DataFrame]:
    """What assistance and tilt relief of a policy looked at, visit by visit.

    `found`: the visits; `parts`: those of stays with several settlements, settlement by settlement (A-P02 a);
    `opening`: the balances delivered (已用额度).
    """
    named = pl.lit(policy_id).alias("policy_id")
    several = parts.visits.filter(pl.len().over("stay_id") > 1)
    order = ["person_key", "setl_time", "visit_id"]
    return {
        "assistance_visit": _kept(found.visits.with_columns(named), VISIT, order),
        "assistance_part": _kept(several.with_columns(named), VISIT, order),
        "assistance_opening": _kept(opening.with_columns(named), OPENING, OPENING),
    }


NOTE = ["benefit_id", "visit_id", "kind", "note", "held_reason", "raw_fen"]


def notes(drafts: pl.DataFrame) -> pl.DataFrame:
    """Why a visit line is held, cut or nothing, and what its policy-range rest was before the floor at 0 (raw_fen)."""
    return _kept(drafts, NOTE, ["benefit_id"])


def evidence(
    settlements: pl.DataFrame,
    uncounted: pl.DataFrame,
    troubles: pl.DataFrame,
    certificates: pl.DataFrame,
    members: pl.DataFrame,
    households: pl.DataFrame,
    aliases: pl.DataFrame,
    cost_year: int,
    on: date,
) -> dict[str, pl.DataFrame]:
    """The tables by name, each in a fixed order.

    `settlements`: Burdens.settlements; `uncounted`, `troubles`: Resolved; `certificates`: of all years (kept: those
    that touch the cost year or reach the day `on`); `members`, `households`, `aliases`: of the year (kept: numbers
    that another one took over).
    """
    renamed = aliases.filter(pl.col("household_id") != pl.col("year_household_id"))
    until = max(on, date(cost_year, 12, 31))
    touching = overlapping(certificates, date(cost_year, 1, 1), until).select("person_key").unique()
    starts = (pl.col("valid_from") <= until) & (pl.col("valid_to").fill_null(FAR) >= date(cost_year, 1, 1))
    known = pl.concat([touching, members.select("person_key"), settlements.select("person_key")]).unique()
    return {
        "settlement": _by_time(settlements, SETTLEMENT),
        "uncounted": _kept(
            uncounted.join(known, on="person_key", how="semi"), UNCOUNTED, ["setl_time", "setl_id"]
        ),
        "trouble": _kept(troubles, TROUBLE, TROUBLE),
        "certificate": _kept(certificates.filter(starts), CERTIFICATE, CERTIFICATE),
        "membership": _kept(members, MEMBERSHIP, MEMBERSHIP),
        "household": _kept(households, households.columns, ["household_id"]),
        "household_alias": _kept(renamed, aliases.columns, aliases.columns),
    }


def _by_time(settlements: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """`_kept` in the order of setl_time and setl_id: few settlements share a second, and of those alone the texts of the
    ids are compared.
    """
    times = settlements.select("setl_time").with_row_index("row").sort("setl_time", nulls_last=True)
    as_above = times["setl_time"].eq_missing(times["setl_time"].shift(1))
    shared = as_above | as_above.shift(-1, fill_value=False)
    order, several = times["row"], times["row"].filter(shared)
    ids = settlements.select("setl_time", "setl_id")[several].with_columns(row=several)
    order = order.scatter(shared.arg_true(), ids.sort("setl_time", "setl_id", nulls_last=True)["row"])
    return settlements.select(name for name in columns if name in settlements.columns)[order]


def _kept(frame: pl.DataFrame, columns: list[str], order: list[str]) -> pl.DataFrame:
    """The columns of `columns` that the frame has, in the order of `order`."""
    there = [name for name in columns if name in frame.columns]
    return frame.select(there).sort([name for name in order if name in there], nulls_last=True)
