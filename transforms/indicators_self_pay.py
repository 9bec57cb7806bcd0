"""IND-6 政策范围内自付费用比例 (Z 二(三), P 二(三)3): what objects pay inside the policy range, Σ R1 ÷ Σ POL.

R0 = POL − BAS − CII − LRG and R1 = R0 − assistance due, as the benefit lines have it; where no document of the county
gives assistance, the recorded one. A settlement without one of these figures is left out. Amounts in fen.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from transforms.funds import first_lines
from transforms.indicators_figures import SelfPay

if TYPE_CHECKING:
    from schemas.policy import Policies

BEFORE = ("bas_fen", "cii_fen", "lrg_fen")
LOOKED_AT = ("setl_id", "setl_date", "held", "pol_fen", *BEFORE, "maf_fen", "tilt_fen")
"""Columns of a settlement that are looked at."""
ASSISTANCE = ("assistance_special", "assistance_inpatient")
TILT = ("tilt",)


def self_pay(
    settlements: pl.DataFrame,
    lines: pl.DataFrame | None,
    policies: Policies,
    policy_id: str,
    since: date | None,
) -> tuple[SelfPay, dict[str, SelfPay]]:
    """Figures of all objects and of each category on the settlement date.

    `settlements`: of the objects, with setl_date and held (the category). `lines`: benefit lines of the year, None
    where nothing is due by a document: then what is recorded counts as assistance. `since`: first settlement date.
    """
    rest = pl.col("pol_fen") - pl.sum_horizontal(*BEFORE, ignore_nulls=False)
    dated = settlements if since is None else settlements.filter(pl.col("setl_date") >= since)
    known = dated.with_columns(r0=rest).filter(pl.col("r0").is_not_null())
    due = _due(known, lines, policies, policy_id)
    by_category = due.group_by("held").agg(_sums())
    partial = dated.height > known.height
    found = {str(row["held"]): _made(row, partial) for row in by_category.sort("held").iter_rows(named=True)}
    total = due.select(_sums()).row(0, named=True)
    return _made(total, partial), found


def _sums() -> list[pl.Expr]:
    return [pl.col(name).sum() for name in ("pol_fen", "r0", "ma", "recorded", "tilt")]


def _made(row: dict[str, int], partial: bool) -> SelfPay:
    pol, r0, ma, recorded, tilt = (
        int(row[name] or 0) for name in ("pol_fen", "r0", "ma", "recorded", "tilt")
    )
    return SelfPay(pol, r0, ma, recorded, tilt, partial)


def _due(known: pl.DataFrame, lines: pl.DataFrame | None, policies: Policies, policy_id: str) -> pl.DataFrame:
    """Settlements with assistance and tilt: as due on the last settlement of a visit, or as recorded."""
    recorded = known.with_columns(
        recorded=pl.col("maf_fen").fill_null(0), tilt_recorded=pl.col("tilt_fen").fill_null(0)
    )
    if lines is None:
        return recorded.with_columns(ma="recorded", tilt="tilt_recorded")
    found = recorded
    for name, kinds in (("ma", ASSISTANCE), ("tilt", TILT)):
        rules = [
            rule.id
            for rule in policies.rules.values()
            if rule.policy.id == policy_id and rule.rule.kind in kinds
        ]
        own = (
            lines.filter(pl.col("rule_id").is_in(rules) & first_lines(lines))
            if not lines.is_empty()
            else None
        )
        if own is None or own.is_empty():
            found = found.with_columns(pl.lit(0, pl.Int64).alias(name))
            continue
        amounts = own.group_by(setl_id=pl.col("settlement_id")).agg(pl.col("amount_fen").sum().alias(name))
        found = found.join(amounts, on="setl_id", how="left").with_columns(pl.col(name).fill_null(0))
    return found
