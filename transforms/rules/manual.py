"""Case by case (一事一议, P-39): a benefit line that a decision makes, with the amount that it says.

“脱贫人口和监测对象‘一事一议’医疗救助工作” (彭水府办发〔2023〕52号 三(二)): no rate and no threshold, so there is no base and
nothing is computed. All amounts in fen.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from transforms import decisions as dec
from transforms.decided_lines import YUAN
from transforms.ledger import Ids, benefit_ids
from transforms.pseudonym import key_texts
from transforms.spans import below

RULE, ARTICLE = "P-39", "三(二)"


class Manual(NamedTuple):
    """lines: benefit lines; paid: ledger rows with their benefit_id and unit_id; matched: no, benefit_id; told: TOLD."""

    lines: pl.DataFrame
    paid: pl.DataFrame
    matched: pl.DataFrame
    told: pl.DataFrame


def manual_lines(
    decisions: pl.DataFrame,
    homes: pl.DataFrame,
    persons: pl.DataFrame,
    paid: pl.DataFrame,
    region: str,
    policy_version: str,
    cost_year: int,
    ids: Ids,
) -> Manual:
    """What the standing 一事一议 decisions of a cost year give.

    `homes`: household_id (a number as delivered), unit_id (of the year), head_key, region_code; `persons`: person_key,
    region_code, category; `paid`: core paid_ledger rows + person_key of a person object (object_key). A line of a
    household carries its head as person_key.
    """
    asked = dec.standing(decisions, "manual")
    yearless = asked.filter(pl.col("cost_year").is_null())
    own = asked.filter(pl.col("cost_year") == cost_year)
    of_home = (
        own.filter(pl.col("object_kind") == "家庭")
        .drop("person_key")
        .join(homes, left_on="object_id", right_on="household_id", how="left")
        .join(persons.select("person_key", "category"), left_on="head_key", right_on="person_key", how="left")
        .with_columns(unit_type=pl.lit("household"))
        .rename({"head_key": "person_key"})
    )
    of_person = (
        own.filter(pl.col("object_kind") == "人员")
        .join(persons, on="person_key", how="left")
        .with_columns(unit_type=pl.lit("person"))
    )
    of_person = of_person.with_columns(unit_id=key_texts(of_person["person_key"], "P"))
    columns = [
        "no",
        "value",
        "verdict",
        "unit_type",
        "unit_id",
        "person_key",
        "region_code",
        "category",
    ]
    both = pl.concat([of_home.select(columns), of_person.select(columns)]).sort("no")
    value = pl.col("value").fill_null("").str.replace_all(r"\s+", "")
    fen = value.str.extract(YUAN, 1).str.replace_all(",", "").cast(
        pl.Int64, strict=False
    ) * 100 + value.str.extract(YUAN, 2).fill_null("").str.pad_end(2, "0").cast(pl.Int64, strict=False)
    both = both.with_columns(amount_fen=fen, there=below("region_code", region).fill_null(False))
    unknown = both.filter(pl.col("region_code").is_null())
    elsewhere = both.filter(pl.col("region_code").is_not_null() & ~pl.col("there"))
    unread = both.filter(pl.col("there") & pl.col("amount_fen").is_null())
    last, replaced = dec.latest(both.filter(pl.col("there") & pl.col("amount_fen").is_not_null()), "unit_id")
    lines = last.with_columns(benefit_id=benefit_ids(last["unit_id"], RULE, cost_year, ids))
    told = [
        dec.told(yearless, "unreadable", "no_year"),
        dec.told(unknown, "unknown_object", "no_household"),
        dec.told(elsewhere, "unreadable", "manual_region"),
        dec.told(unread, "unreadable", "amount"),
        replaced,
    ]
    ledger = _paid(lines, paid, cost_year)
    sums = ledger.group_by("benefit_id").agg(paid_fen=pl.col("amount_fen").sum())
    found = _described(lines.join(sums, on="benefit_id", how="left"), policy_version, cost_year)
    return Manual(found, ledger, lines.select("no", "benefit_id"), pl.concat(told))


def _paid(lines: pl.DataFrame, paid: pl.DataFrame, cost_year: int) -> pl.DataFrame:
    """Ledger rows of these lines with benefit_id and unit_id, matched by 待遇编号 or by rule, object and year."""
    units = lines.select("unit_id", of_object="benefit_id")
    own = (pl.col("rule_id") == RULE) & (pl.col("cost_year") == cost_year)
    by_person = lines.filter(pl.col("unit_type") == "person").select(
        object_key="person_key", of_person="benefit_id"
    )
    named = pl.col("benefit_id").is_in(lines["benefit_id"].implode()) if lines.height else pl.lit(False)
    matched = (
        paid.filter(named.fill_null(False) | own.fill_null(False))
        .join(units, left_on="object_id", right_on="unit_id", how="left")
        .join(by_person, on="object_key", how="left")
        .with_columns(
            benefit_id=pl.coalesce(
                pl.when(named.fill_null(False)).then("benefit_id"), "of_object", "of_person"
            )
        )
    )
    return (
        matched.drop_nulls("benefit_id")
        .join(lines.select("benefit_id", "unit_id"), on="benefit_id")
        .select("benefit_id", "unit_id", "amount_fen", "paid_on", "serial", "file_id", "sheet", "source_row")
    )


def _described(lines: pl.DataFrame, policy_version: str, cost_year: int) -> pl.DataFrame:
    """Benefit lines with paid_fen and confirmed; a decision on the amount is the confirmation."""
    amount, paid = pl.col("amount_fen"), pl.col("paid_fen").fill_null(0)
    status = (
        pl.when((paid != 0) & (amount > paid))
        .then(pl.lit("adjust_up"))
        .when((paid != 0) & (amount < paid))
        .then(pl.lit("adjust_down"))
        .when(paid != 0)
        .then(pl.lit("paid"))
        .when(amount == 0)
        .then(pl.lit("within"))
        .otherwise(pl.lit("confirmed"))
    )
    return lines.select(
        "benefit_id",
        rule_id=pl.lit(RULE),
        region_code="region_code",
        unit_type="unit_type",
        unit_id="unit_id",
        person_key="person_key",
        cost_year=pl.lit(cost_year, pl.Int32),
        settlement_id=pl.lit(None, pl.String),
        category="category",
        base_fen=pl.lit(None, pl.Int64),
        threshold_fen=pl.lit(None, pl.Int64),
        rate=pl.lit(None, pl.Decimal(9, 6)),
        limit_before_fen=pl.lit(None, pl.Int64),
        limit_after_fen=pl.lit(None, pl.Int64),
        amount_fen="amount_fen",
        policy_version=pl.lit(policy_version),
        article=pl.lit(ARTICLE),
        readings=pl.lit(""),
        status=status,
        needs_review=pl.lit(False),
        adjustment_of=pl.lit(None, pl.String),
        floor_fen=pl.lit(0, pl.Int64),
        decision="verdict",
        paid_fen=paid,
        adjustment_fen=amount - paid,
        confirmed=pl.lit(True),
    )
