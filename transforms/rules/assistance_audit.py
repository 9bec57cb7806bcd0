"""Was what was due what was paid? (P-40) One row for each outpatient settlement or stay of an assistance object.

Nobody is accused where the document gives no rate (P-19, 读法 A-P10) or a fact is unknown: then the verdict is
`not_determined` or `held`. Amounts in fen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from schemas.assistance import Assistance

VERDICTS = ("match", "under", "over", "held", "not_determined")
NO_RATE = "属于保障范围，本文件没有比例，不作判断"
NO_ACTUAL = "医疗救助实付金额不明"
NO_TILT_ACTUAL = "倾斜救助实付金额不明"
NOT_DESIGNATED = "非定点医药机构，不在救助范围"


def audit(visits: pl.DataFrame, assistance: Assistance, cost_year: int) -> pl.DataFrame:
    """Rows of mart.assistance_audit, money in fen. visits: `assistance.due` under the readings applied."""
    rules = {kind: rule.rule_id for kind, rule in assistance.rules.items()}
    rows = visits.filter("in_force").with_columns(
        ma_actual_fen="maf_fen",
        tilt_actual_fen="recorded_fen",
        ma_due_fen=pl.when(_covered() | ~pl.col("allowed")).then("ma_fen"),
        tilt_due_fen=pl.col("tilt_fen"),
        rule_id=pl.when("special_line")
        .then(pl.lit(rules.get("assistance_special")))
        .when("inpatient_line")
        .then(pl.lit(rules.get("assistance_inpatient")))
        .otherwise(pl.lit(assistance.scope_rule_id)),
    )
    judged = rows.with_columns(
        ma_more=pl.col("ma_due_fen") - pl.col("ma_actual_fen"),
        tilt_more=pl.col("tilt_due_fen") - pl.col("tilt_actual_fen"),
    ).with_columns(verdict=_verdict())
    both = pl.when(pl.col("tilt_more").is_not_null()).then(pl.col("ma_more") + pl.col("tilt_more"))
    compared = pl.col("verdict").is_in(("match", "under", "over"))
    return judged.select(
        "person_key",
        "region_code",
        "category",
        "rule_id",
        "ma_due_fen",
        "ma_actual_fen",
        "tilt_due_fen",
        "tilt_actual_fen",
        settlement_id="visit_id",
        cost_year=pl.lit(cost_year, pl.Int32),
        difference_fen=pl.when(compared).then(pl.coalesce(both, "ma_more")),
        verdict="verdict",
        reason=_reason(),
    ).sort("region_code", "person_key", "settlement_id", "rule_id")


def _covered() -> pl.Expr:
    """The document gives the visit a rate."""
    return pl.col("special_line") | pl.col("inpatient_line")


def _held() -> pl.Expr:
    ma = _covered() & pl.col("ma_fen").is_null()
    return ma | (pl.col("tilt_line") & pl.col("tilt_fen").is_null())


def _verdict() -> pl.Expr:
    """Due against recorded; with tilt relief recorded nowhere, as far as assistance alone can tell.

    Where tilt relief is due and not recorded apart, an excess of assistance up to it may be the tilt relief itself.
    """
    ma, tilt, tilt_due = pl.col("ma_more"), pl.col("tilt_more"), pl.col("tilt_due_fen").fill_null(0)
    total = ma + tilt
    known = (
        pl.when(total > 0)
        .then(pl.lit("under"))
        .when(total < 0)
        .then(pl.lit("over"))
        .otherwise(pl.lit("match"))
    )
    alone = (
        pl.when(ma > 0)
        .then(pl.lit("under"))
        .when(ma < -tilt_due)
        .then(pl.lit("over"))
        .when(tilt_due > 0)
        .then(pl.lit("held"))
        .otherwise(pl.lit("match"))
    )
    return (
        pl.when(_held())
        .then(pl.lit("held"))
        .when(~_covered() & pl.col("allowed"))
        .then(pl.lit("not_determined"))
        .when(ma.is_null())
        .then(pl.lit("held"))
        .when(tilt.is_not_null())
        .then(known)
        .otherwise(alone)
    )


def _reason() -> pl.Expr:
    """Why the verdict is what it is, in words."""
    actual = pl.col("ma_actual_fen").fill_null(0) + pl.col("tilt_actual_fen").fill_null(0)
    tilt_unknown = pl.col("tilt_actual_fen").is_null()
    unseen = pl.when(tilt_unknown).then(pl.lit(f"；{NO_TILT_ACTUAL}，只比对医疗救助")).otherwise(pl.lit(""))
    under = pl.when(actual == 0).then(pl.lit("应救未救")).otherwise(pl.lit("实付少于应付"))
    over = (
        pl.when(~pl.col("allowed"))
        .then(pl.lit(NOT_DESIGNATED))
        .when(pl.col("referral") == "not_referred")
        .then(pl.lit("未按规定转诊而已救助，请核对"))
        .otherwise(pl.lit("实付多于应付"))
    )
    moved = pl.lit("合计一致，医疗救助与倾斜救助科目不同")
    match = pl.when((pl.col("ma_more") != 0) & ~tilt_unknown).then(moved).otherwise(pl.lit("应付与实付一致"))
    held = pl.coalesce(
        "ma_reason",
        pl.when("tilt_line").then("tilt_reason"),
        pl.when(pl.col("ma_actual_fen").is_null()).then(pl.lit(NO_ACTUAL)),
        pl.lit(NO_TILT_ACTUAL),
    )
    verdict = pl.col("verdict")
    return (
        pl.when(verdict == "held")
        .then(held)
        .when(verdict == "not_determined")
        .then(pl.lit(NO_RATE))
        .when(verdict == "under")
        .then(under + unseen)
        .when(verdict == "over")
        .then(over + unseen)
        .otherwise(match + unseen)
    )
