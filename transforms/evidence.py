"""What a cost year keeps beside its results, so that they can be explained and replayed with other parameters.

`fengding explain` reads these tables, `fengding simulate` counts from them. They hold keys and amounts of people on a
roster or with payments, never a name or a number of a paper. All amounts in fen.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from transforms.spans import FAR, overlapping

CERTIFICATE = [
    "person_key", "county_code", "code", "department", "valid_from", "valid_to", "file_id", "sheet", "source_row",
]  # fmt: skip
MEMBERSHIP = ["person_key", "household_id", "valid_from", "valid_to", "held_from", "held_to"]
SETTLEMENT = [
    "setl_id", "person_key", "county_code", "designated", "setl_time", "med_type", "institution_code",
    "tot_fen", "psn_fen", "acct_fen", "cash_fen", "com_used_fen", "sub_used_fen", "neg_fen", "burden_fen",
    "file_id", "sheet", "source_row",
]  # fmt: skip
UNCOUNTED = [
    "setl_id", "person_key", "setl_time", "institution_code", "tot_fen", "psn_fen", "state", "reason_zh", "partner_id",
    "file_id", "sheet", "source_row",
]  # fmt: skip
TROUBLE = ["person_key", "setl_id", "cost_year", "setl_date", "reason_zh", "file_id", "sheet", "source_row"]


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
        "settlement": _kept(settlements, SETTLEMENT, ["setl_time", "setl_id"]),
        "uncounted": _kept(
            uncounted.join(known, on="person_key", how="semi"), UNCOUNTED, ["setl_time", "setl_id"]
        ),
        "trouble": _kept(troubles, TROUBLE, TROUBLE),
        "certificate": _kept(certificates.filter(starts), CERTIFICATE, CERTIFICATE),
        "membership": _kept(members, MEMBERSHIP, MEMBERSHIP),
        "household": _kept(households, households.columns, ["household_id"]),
        "household_alias": _kept(renamed, aliases.columns, aliases.columns),
    }


def _kept(frame: pl.DataFrame, columns: list[str], order: list[str]) -> pl.DataFrame:
    """The columns of `columns` that the frame has, in the order of `order`."""
    there = [name for name in columns if name in frame.columns]
    return frame.select(there).sort([name for name in order if name in there], nulls_last=True)
