"""What people are entitled to and have not received (可享受而未享受, Z-27 d): caps and reliefs, assistance, premiums.

Amounts in fen; an amount that is not determined yet is null, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from reports.words import yuan

ENTITLED = pl.Schema(
    {
        "person_key": pl.String,
        "household_id": pl.String,
        "year": pl.Int64,
        "rule_id": pl.String,
        "amount_fen": pl.Int64,
        "text": pl.String,
    }
)
NOT_OPEN = ("not_pilot", "not_in_force", "within", "paid")


def entitlements(
    units: pl.DataFrame, audit: pl.DataFrame, premium: pl.DataFrame, lines: pl.DataFrame
) -> pl.DataFrame:
    """ENTITLED: one row a person or household, year and rule with something open.

    `units`: cap_gap; `audit`: assistance_audit; `premium`: premium_subsidy; `lines`: benefit_line (of it what was decided
    case by case, 一事一议).
    """
    parts = [_caps(units), _assistance(audit), _premiums(premium), _by_hand(lines)]
    return pl.concat([part.select(ENTITLED.names()).cast(ENTITLED) for part in parts]).sort(
        "year", "rule_id", "household_id", "person_key", nulls_last=True
    )


def cap_entitlement(row: Mapping[str, object]) -> str:
    """What a unit may claim under its cap and has not been paid, in words; empty: nothing."""
    gap, amount, paid = (
        value if isinstance(value := row[name], int) else 0 for name in ("gap_fen", "amount_fen", "paid_fen")
    )
    if row["status"] in NOT_OPEN:
        return ""
    if row["status"] == "forecast":
        return f"年度结束后可享受封顶化解，目前预计{yuan(gap)}元" if gap else ""
    if row["status"] == "incomplete":
        return "封顶化解金额待资料补齐后确定" if gap else ""
    return f"封顶化解待付{yuan(amount - paid)}元" if amount > paid else ""


def _caps(units: pl.DataFrame) -> pl.DataFrame:
    open_ = units.filter(~pl.col("status").is_in(NOT_OPEN).fill_null(False))
    facts = open_.select("status", "gap_fen", "amount_fen", "paid_fen")
    texts = [cap_entitlement(row) for row in facts.iter_rows(named=True)]
    settled = pl.col("status").is_in(["forecast", "incomplete"])
    return (
        open_.with_columns(text=pl.Series(texts, dtype=pl.String))
        .filter(pl.col("text") != "")
        .select(
            "household_id",
            "rule_id",
            "text",
            person_key=pl.when(pl.col("unit_type") == "person").then("unit_id"),
            year="cost_year",
            amount_fen=pl.when(~settled).then(pl.col("amount_fen") - pl.col("paid_fen").fill_null(0)),
        )
    )


def _assistance(audit: pl.DataFrame) -> pl.DataFrame:
    """Assistance and tilt relief that was due at a settlement and not given, a person and year together."""
    owed = audit.filter((pl.col("verdict") == "under") & (pl.col("difference_fen") > 0))
    return (
        owed.group_by("person_key", year="cost_year")
        .agg(pl.col("difference_fen").sum().alias("amount_fen"), pl.len().alias("n"))
        .with_columns(
            household_id=pl.lit(None, pl.String),
            rule_id=pl.lit("P-40"),
            text=pl.format("医疗救助应补{}元（{}笔）", _yuan("amount_fen"), "n"),
        )
    )


def _premiums(premium: pl.DataFrame) -> pl.DataFrame:
    owed = premium.filter(pl.col("difference_fen") > 0)
    return owed.select(
        "person_key",
        household_id=pl.lit(None, pl.String),
        year="insurance_year",
        rule_id=pl.lit("P-05"),
        amount_fen="difference_fen",
        text=pl.format("资助参保应补{}元", _yuan("difference_fen")),
    )


def _by_hand(lines: pl.DataFrame) -> pl.DataFrame:
    """Case by case decisions that are not paid yet."""
    open_ = lines.filter((pl.col("rule_id") == "P-39") & pl.col("status").is_in(["due", "confirmed"]))
    return open_.select(
        "person_key",
        "rule_id",
        "amount_fen",
        household_id=pl.lit(None, pl.String),
        year="cost_year",
        text=pl.format("一事一议医疗救助待付{}元", _yuan("amount_fen")),
    )


def _yuan(name: str) -> pl.Expr:
    return pl.col(name).map_elements(yuan, return_dtype=pl.String).fill_null("未定")
