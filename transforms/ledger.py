"""What a fund has paid (已付台账), matched to the benefit lines it was paid on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from transforms.spans import FAR
from transforms.units import Units, unit_people

Ids = Callable[[pl.Series], pl.Series]
"""Text keys → public ids (B…), the same on every run."""


def benefit_ids(unit_ids: pl.Series, rule_id: str, cost_year: int, ids: Ids) -> pl.Series:
    """Stable id of the benefit line of a rule, unit and cost year."""
    return ids(
        pl.select(pl.format("benefit|{}|{}|{}", pl.lit(rule_id), unit_ids, pl.lit(cost_year))).to_series()
    )


def paid_lines(
    paid: pl.DataFrame,
    found: Units,
    rule_id: str,
    cost_year: int,
    ids: Ids,
    aliases: pl.DataFrame | None = None,
    words: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Ledger rows (core PaidLedger) of a rule and cost year with unit_id, benefit_id and finding_zh.

    A row is matched by its 待遇编号, else by 规则 + 对象编号 + 费用年度; a household number may be one that
    the year's household took over (`aliases`: household_id, year_household_id), a certificate number stands
    for the unit of that person, a category may be written in words (`words`: wording → code). A 待遇编号 of a
    number that was taken over, or of a household that has been split since, stands for that number. A row of the
    rule and year that fits no unit keeps unit_id null and says so.
    """
    units = found.units.select("unit_id", "household_id")
    units = units.with_columns(by_benefit=benefit_ids(units["unit_id"], rule_id, cost_year, ids))
    same_rule = (pl.col("rule_id") == rule_id) & (pl.col("cost_year") == cost_year)
    older = _objects(found, aliases if paid["benefit_id"].is_not_null().any() else None)
    older = older.with_columns(benefit_id=benefit_ids(older["of_line"], rule_id, cost_year, ids))
    mine = paid.join(older, on="benefit_id", how="left", maintain_order="left").filter(
        pl.col("of_line").is_not_null() | same_rule.fill_null(False)
    )
    number = pl.coalesce("object_id", "of_line").str.split_exact("/", 1)
    matched = (
        mine.with_row_index("paid_no")
        .join(
            units.select(benefit_id="by_benefit", of_benefit="unit_id"),
            on="benefit_id",
            how="left",
            maintain_order="left",
        )
        .with_columns(
            number.struct.field("field_0").alias("number"),
            number.struct.field("field_1").replace(dict(words or {})).alias("part"),
        )
    )
    if aliases is not None and not aliases.is_empty():
        renamed = aliases.select(number="household_id", new="year_household_id").unique("number")
        matched = matched.join(renamed, on="number", how="left", maintain_order="left").with_columns(
            pl.coalesce("new", "number").alias("number")
        )
    whole = pl.when(pl.col("part").is_null()).then("number").otherwise(pl.format("{}/{}", "number", "part"))
    matched = (
        matched.with_columns(object_unit=whole)
        .join(
            units.select(object_unit="unit_id", of_object="unit_id"),
            on="object_unit",
            how="left",
            maintain_order="left",
        )
        .join(
            _unit_of_person(found),
            left_on="object_key",
            right_on="person_key",
            how="left",
            maintain_order="left",
        )
        .with_columns(unit_id=pl.coalesce("of_benefit", "of_object", "of_person"))
        .join(units.select("unit_id", "by_benefit"), on="unit_id", how="left", maintain_order="left")
    )
    missing = pl.lit("已付台账的记录找不到对应的家庭或待遇，请核对对象编号和费用年度")
    return matched.with_columns(
        pl.coalesce("by_benefit", "benefit_id").alias("benefit_id"),
        pl.when(pl.col("unit_id").is_null()).then(missing).alias("finding_zh"),
    ).select(*paid.columns, "unit_id", "finding_zh")


def _objects(found: Units, aliases: pl.DataFrame | None) -> pl.DataFrame:
    """of_line: every unit that the year's households have or could have had: their numbers, whole and by category."""
    numbers = [found.units["household_id"]]
    if aliases is not None:
        numbers.append(aliases["household_id"])
    whole = pl.concat(numbers).unique().sort().alias("of_line").to_frame()
    codes = found.spans.select(part="category").unique().sort("part")
    parts = whole.join(codes, how="cross").select(of_line=pl.format("{}/{}", "of_line", "part"))
    return pl.concat([whole, parts])


def _unit_of_person(found: Units) -> pl.DataFrame:
    """person_key, of_person: the unit of the person's last certificate of the year."""
    return (
        found.spans.sort(
            "person_key", pl.col("valid_to").fill_null(FAR), "unit_id", descending=[False, True, False]
        )
        .unique("person_key", keep="first", maintain_order=True)
        .select("person_key", of_person="unit_id")
    )


def paid_by_unit(lines: pl.DataFrame) -> pl.DataFrame:
    """unit_id, paid_fen: what was paid so far, less what was returned."""
    return (
        lines.filter(pl.col("unit_id").is_not_null())
        .group_by("unit_id")
        .agg(paid_fen=pl.col("amount_fen").sum())
    )


def paid_people(lines: pl.DataFrame, found: Units, cost_year: int) -> pl.DataFrame:
    """person_key, cost_year, amount_fen: the ledger lines of the units that a person belongs to."""
    return (
        lines.filter(pl.col("unit_id").is_not_null())
        .select("unit_id", "amount_fen")
        .join(unit_people(found), on="unit_id")
        .select("person_key", pl.lit(cost_year, pl.Int32).alias("cost_year"), "amount_fen")
        .unique()
    )


def no_paid_people() -> pl.DataFrame:
    """`paid_people` where nothing was paid."""
    return pl.DataFrame(schema={"person_key": pl.Int64, "cost_year": pl.Int32, "amount_fen": pl.Int64})
