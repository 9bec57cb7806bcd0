"""Benefit lines and items of assistance and tilt relief: one line a visit and rule, its settlements as items.

A line stands for each visit that meets identity, date, designation and the disease or gate condition, also with 0;
what is held has a line with an empty amount. Amounts in fen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from transforms.benefit import COUNTED, ITEM_COLUMNS
from transforms.ledger import Ids
from transforms.pseudonym import key_texts
from transforms.rules import assistance, tilt
from transforms.spans import on_day

if TYPE_CHECKING:
    from schemas.assistance import Assistance

KINDS = {"assistance_special": "special", "assistance_inpatient": "inpatient", "tilt": "tilt"}
USED_UP = "年度限额已用完"
CUT = "按年度限额余额给付"
BITTEN = "不超过个人负担(X-08)"
HELD = "待核实："


def readings_text(readings: dict[str, str]) -> str:
    """The readings applied, "A-P01=a;A-P02=b"."""
    return ";".join(f"{key}={readings[key]}" for key in sorted(readings))


def drafts(visits: pl.DataFrame, rules: Assistance, cost_year: int, ids: Ids) -> pl.DataFrame:
    """One row a line: benefit_id, kind, rule_id, visit_id, person_key, category, amounts, note, held_reason, doubt.

    visits: `assistance.due`.
    """
    made = [_draft(visits, rules, kind) for kind in KINDS if kind in rules.rules]
    rows = pl.concat(made).sort("rule_id", "person_key", "setl_time", "visit_id")
    unit = key_texts(rows["person_key"], "P").alias("unit_id")
    rows = rows.with_columns(unit)
    text = pl.format("benefit|{}|{}|{}|{}", "rule_id", "unit_id", pl.lit(cost_year), "visit_id")
    return rows.with_columns(ids(rows.select(text).to_series()).alias("benefit_id"))


def _draft(visits: pl.DataFrame, rules: Assistance, kind: str) -> pl.DataFrame:
    name, rule = KINDS[kind], rules.rules[kind]
    rows = visits.filter(f"{name}_line")
    versions = {number: terms.versions[kind] for number, terms in enumerate(rules.terms)}
    stem = "tilt" if name == "tilt" else "ma"
    reason = pl.col(f"{stem}_reason")
    amount, bitten = pl.col(f"{stem}_fen"), pl.col(f"{stem}_bitten")
    before = pl.col("inpatient_before_fen" if name == "inpatient" else f"{stem}_before_fen")
    after = pl.col(f"{stem}_after_fen")
    base = (
        pl.col("r1_fen")
        if name == "tilt"
        else pl.when(reason.is_null()).then("ma_base_fen").otherwise("r0_fen")
    )
    base = pl.when(pl.col("r0_fen").is_not_null()).then(base)
    not_referred = pl.lit(tilt.NOT_REFERRED if name == "tilt" else assistance.NOT_REFERRED)
    note = (
        pl.when(reason.is_not_null())
        .then(pl.lit(HELD) + reason)
        .when(pl.col("referral") == "not_referred")
        .then(not_referred)
        .when((pl.lit(name == "tilt") & ~pl.col("inside")).fill_null(False))
        .then(pl.lit(tilt.OUTSIDE))
        .when((before == 0) & (base > 0))
        .then(pl.lit(USED_UP))
        .when((after == 0) & (base > 0) & ~bitten)
        .then(pl.lit(CUT))
        .when(bitten)
        .then(pl.lit(BITTEN))
    )
    threshold = {
        "special": pl.lit(None, pl.Int64),
        "inpatient": pl.col("gate_fen"),
        "tilt": pl.col("tilt_threshold_fen"),
    }
    return rows.select(
        "visit_id",
        "person_key",
        "region_code",
        "category",
        "setl_time",
        kind=pl.lit(kind),
        rule_id=pl.lit(rule.rule_id),
        article=pl.lit(rule.article),
        readings=pl.lit(readings_text(rule.readings)),
        policy_version=pl.col("segment").replace_strict(versions, return_dtype=pl.String),
        threshold_fen=threshold[name],
        numerator=pl.col(f"{name}_numerator"),
        denominator=pl.col(f"{name}_denominator"),
        raw_fen=pl.when(base.is_not_null()).then("raw_r0_fen"),
        base_fen=base,
        limit_before_fen=before,
        limit_after_fen=pl.when(amount.is_not_null()).then(after),
        amount_fen=amount,
        note=note,
        held_reason=pl.when(amount.is_null()).then(reason),
        upper_fen=pl.coalesce("r0_fen", "pol_fen"),
        doubt=pl.col("flagged")
        | pl.col("by_diagnosis").fill_null(False)
        | (pl.col("referral") == "emergency")
        | pl.col(f"{stem}_doubt")
        | (bitten & pl.col("bound_open")),
    )


def benefit_lines(
    drafted: pl.DataFrame,
    cases: pl.DataFrame,
    incomplete: pl.DataFrame,
    decided: pl.DataFrame,
    cost_year: int,
) -> pl.DataFrame:
    """Rows of mart.benefit_line (money in fen) with floor_fen: what the floor at 0 added to the base.

    cases: benefit_id of every review case. incomplete: person_key of people with a rejected, listed or half-missing
    settlement. decided: benefit_id, confirmed of lines on which a valid decision stands. status: held, review,
    confirmed, within (0), due.
    """
    known = (
        decided.select("benefit_id", "confirmed").unique("benefit_id").with_columns(is_decided=pl.lit(True))
    )
    rows = (
        drafted.join(cases.select("benefit_id", _case=pl.lit(True)).unique(), on="benefit_id", how="left", maintain_order="left")
        .join(incomplete.select("person_key", _open=pl.lit(True)).unique(), on="person_key", how="left", maintain_order="left")
        .join(known, on="benefit_id", how="left", maintain_order="left")
        .with_columns(pl.col("_case", "_open", "is_decided", "confirmed").fill_null(False))
    )  # fmt: skip
    held = pl.col("amount_fen").is_null()
    open_ = (held | pl.col("_case") | pl.col("_open") | pl.col("doubt")) & ~pl.col("is_decided")
    status = (
        pl.when(held)
        .then(pl.lit("held"))
        .when(open_)
        .then(pl.lit("review"))
        .when(pl.col("amount_fen") == 0)
        .then(pl.lit("within"))
        .when("confirmed")
        .then(pl.lit("confirmed"))
        .otherwise(pl.lit("due"))
    )
    rate = pl.col("numerator").cast(pl.Decimal(38, 6)) / pl.col("denominator").cast(pl.Decimal(38, 6))
    return rows.select(
        "benefit_id",
        "rule_id",
        "region_code",
        unit_type=pl.lit("person"),
        unit_id="unit_id",
        person_key="person_key",
        cost_year=pl.lit(cost_year, pl.Int32),
        settlement_id="visit_id",
        category="category",
        base_fen="base_fen",
        threshold_fen="threshold_fen",
        rate=rate.cast(pl.Decimal(9, 6)),
        limit_before_fen="limit_before_fen",
        limit_after_fen="limit_after_fen",
        amount_fen="amount_fen",
        policy_version="policy_version",
        article="article",
        readings="readings",
        status=status,
        needs_review=open_,
        adjustment_of=pl.lit(None, pl.String),
        floor_fen=pl.when(pl.col("base_fen").is_not_null())
        .then((-pl.col("raw_fen")).clip(lower_bound=0))
        .otherwise(0),
    )


def benefit_items(drafted: pl.DataFrame, settlements: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """The settlements of each line's visit: ITEM_COLUMNS. base_fen is the settlement's share of the line's base.

    What is not R0 itself (assistance under a tilt line, a deductible) is taken off at the last settlement of the
    visit. Where the line's base is not known, no share is.
    """
    days = members.select("person_key", "valid_from", "valid_to", household_id_on_day="household_id")
    lines = drafted.select(
        "benefit_id", "visit_id", "unit_id", "note", "base_fen", "raw_fen", category_on_day="category"
    )
    items = (
        settlements.rename({"r0_fen": "share_fen"})
        .drop("visit_date", "region_code")
        .join(lines, on="visit_id")
        .with_columns(setl_date=pl.col("setl_time").dt.date())
    )
    items = on_day(items, days, "setl_date", ["household_id_on_day"])
    last = pl.col("setl_id") == pl.col("visit_id")
    off = pl.when(last).then(pl.col("raw_fen").clip(lower_bound=0) - pl.col("base_fen")).otherwise(0)
    note = pl.when(pl.col("note").is_not_null()).then(pl.format("{}；{}", pl.lit(COUNTED), "note"))
    return (
        items.with_columns(
            settlement_id="setl_id",
            base_fen=pl.when(pl.col("base_fen").is_not_null()).then(pl.col("share_fen") - off),
            counted=pl.lit(True),
            reason=note.otherwise(pl.lit(COUNTED)),
            com_fen="com_used_fen",
            sub_fen="sub_used_fen",
        )
        .select(ITEM_COLUMNS)
        .sort("benefit_id", "setl_date", "settlement_id", "person_key", "file_id", "source_row")
    )


def held_by_reason(drafted: pl.DataFrame) -> pl.DataFrame:
    """rule_id, region_code, reason, persons, amount_fen (their known policy-range cost), visits: what is held and why."""
    return (
        drafted.filter(pl.col("held_reason").is_not_null())
        .group_by("rule_id", "region_code", reason="held_reason")
        .agg(
            persons=pl.col("person_key").n_unique().cast(pl.Int64),
            visits=pl.len().cast(pl.Int64),
            amount_fen=pl.col("upper_fen").sum(),
        )
        .sort("rule_id", "region_code", "reason")
    )
