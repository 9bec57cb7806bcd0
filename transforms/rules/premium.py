"""Premium subsidy of an insurance year (资助参保, 彭水府办发〔2023〕52号 二(二)1): what each insured object is due.

Category on the day of payment, where there is none that day on 1 January of the insurance year; no top-up later. Tier 1:
a share of the tier-1 standard by category; tier 2: a share of the tier-1 standard for every object. A missing standard or
tier leaves the amount empty, never 0. All amounts in fen, rounded half-up once.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from transforms.spans import best_code_spans, on_day, overlapping, ranked

if TYPE_CHECKING:
    from schemas.premium import PremiumSubsidy, Rates, SubsidyRule

NO_STANDARD = "缺一档个人缴费标准"
NO_TIER = "缴费档次不明"
RATES = pl.Schema(
    {
        "segment": pl.Int32, "tier": pl.String, "category": pl.String, "numerator": pl.Int64, "denominator": pl.Int64,
        "rule_id": pl.String, "article": pl.String, "policy_version": pl.String, "readings": pl.String,
    }
)  # fmt: skip
JUDGED = (
    "category", "county_code", "numerator", "denominator", "rule_id", "article", "policy_version", "readings",
    "entitled", "amount_fen", "held_reason",
)  # fmt: skip


def standard_of(standards: pl.DataFrame, county: str, year: int) -> int | None:
    """The tier-1 personal standard (一档个人缴费标准) of a county and insurance year; None where the table has none.

    `standards`: premium_standard.csv. The row of the smallest territory that holds the county counts.
    """
    rows = standards.filter((pl.col("insurance_year") == year) & (pl.col("tier") == "1"))
    held = [
        (len(prefix), fen)
        for code, fen in rows.select("region_code", "amount_fen").iter_rows()
        if county.startswith(prefix := _prefix(code))
    ]
    return max(held)[1] if held else None


def _prefix(territory: str) -> str:
    prefix = territory
    while prefix.endswith("00") and len(prefix) > 2:
        prefix = prefix[:-2]
    return prefix


def rate_table(subsidy: PremiumSubsidy, readings: dict[str, str]) -> pl.DataFrame:
    """RATES: the rate of each span of payment days, tier and category under the readings."""
    rows = [
        row
        for segment, rates in enumerate(subsidy.rates)
        for tier in ("1", "2")
        for row in _rates(segment, tier, rates, subsidy, readings)
    ]
    return pl.DataFrame(rows, schema=RATES, orient="row")


def _rates(
    segment: int, tier: str, rates: Rates, subsidy: PremiumSubsidy, readings: dict[str, str]
) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for code, rate in (rates.tier1 if tier == "1" else rates.tier2).items():
        rule = subsidy.tier1[code] if tier == "1" else subsidy.tier2
        only_first = tier == "2" and readings.get("A-P20") == "a" and code not in subsidy.tier1
        if rule is None or only_first:
            continue
        version, applied = rates.versions[tier, code], _text(rule, readings)
        found.append(
            (
                segment,
                tier,
                code,
                rate.numerator,
                rate.denominator,
                rule.rule_id,
                rule.article,
                version,
                applied,
            )
        )
    return found


def _text(rule: SubsidyRule, readings: dict[str, str]) -> str:
    return ";".join(f"{key}={readings[key]}" for key in sorted(rule.readings))


def with_categories(
    payments: pl.DataFrame, certificates: pl.DataFrame, subsidy: PremiumSubsidy, year: int
) -> pl.DataFrame:
    """Payments with the category that counts (day_category, day_county) and the best one held in the year.

    `payments`: person_key, paid_on …. `certificates`: person_key, county_code, code, valid_from, valid_to. Adds new_year,
    segment (which rates hold), best_category, best_county.
    """
    new_year, last = date(year, 1, 1), date(year, 12, 31)
    own = certificates.filter(pl.col("county_code").is_in(list(subsidy.counties)))
    days: list[date] = payments["paid_on"].drop_nulls().unique().to_list()
    first, until = min([new_year, *days]), max([last, *days])
    spans = best_code_spans(own, subsidy.categories, first, until)
    rows = payments.with_columns(new_year=pl.lit(new_year))
    rows = on_day(rows, spans, "paid_on", ["category", "county_code"]).rename(
        {"category": "_paid", "county_code": "_paid_county"}
    )
    rows = on_day(rows, spans, "new_year", ["category", "county_code"])
    asked = pl.coalesce("paid_on", "new_year")
    segment = pl.lit(0, pl.Int32)
    for number, rates in enumerate(subsidy.rates):
        segment = pl.when(asked >= rates.valid_from).then(pl.lit(number, pl.Int32)).otherwise(segment)
    paid = pl.col("_paid").is_not_null()
    return (
        rows.with_columns(
            day_category=pl.when(paid).then("_paid").otherwise("category"),
            day_county=pl.when(paid).then("_paid_county").otherwise("county_code"),
            segment=segment,
        )
        .drop("_paid", "_paid_county", "category", "county_code")
        .join(_best(spans, subsidy, new_year, last), on="person_key", how="left", maintain_order="left")
    )


def _best(spans: pl.DataFrame, subsidy: PremiumSubsidy, first: date, last: date) -> pl.DataFrame:
    """person_key, best_category, best_county: the best category held on any day of the year."""
    held = overlapping(spans, first, last).rename({"category": "code"})
    return (
        held.with_columns(_place=ranked(subsidy.categories))
        .sort("person_key", "_place", "valid_from", "county_code")
        .unique("person_key", keep="first", maintain_order=True)
        .select("person_key", best_category="code", best_county="county_code")
    )


def judged(rows: pl.DataFrame, subsidy: PremiumSubsidy, readings: dict[str, str]) -> pl.DataFrame:
    """Adds JUDGED under the readings. `rows`: `with_categories` with tier and standard_fen.

    entitled: the category has a subsidy in the tier; null where the tier is unknown and only one of them gives one.
    amount_fen: null where held (held_reason), 0 where not entitled.
    """
    named = rows.with_columns(_category(subsidy, readings))
    table = rate_table(subsidy, readings)
    columns = ["numerator", "denominator", "rule_id", "article", "policy_version", "readings"]
    key = ["segment", "category"]
    for tier in ("1", "2"):
        of_tier = table.filter(pl.col("tier") == tier).select(
            *key, *(pl.col(c).alias(f"{c}_{tier}") for c in columns)
        )
        named = named.join(of_tier, on=key, how="left", maintain_order="left")
    first, second = (pl.col(f"numerator_{tier}") for tier in ("1", "2"))
    same = (first * pl.col("denominator_2") == second * pl.col("denominator_1")).fill_null(False)
    some = first.is_not_null() | second.is_not_null()
    in_second = pl.col("tier") == "2"
    chosen = [
        pl.when(in_second.fill_null(False))
        .then(f"{name}_2")
        .when(pl.col("tier").is_null())
        .then(pl.coalesce(f"{name}_1", f"{name}_2"))
        .otherwise(f"{name}_1")
        .alias(name)
        for name in columns
    ]
    return (
        named.with_columns(
            *chosen,
            _open=pl.col("tier").is_null() & ~same & some,
        )
        .with_columns(_amounts())
        .drop([f"{name}_{tier}" for name in columns for tier in ("1", "2")], "_open")
    )  # fmt: skip


def _category(subsidy: PremiumSubsidy, readings: dict[str, str]) -> list[pl.Expr]:
    """category, county_code: of the day that counts, or under A-P32 b the best one of the year."""
    if readings.get("A-P32", "a") == "a":
        return [pl.col("day_category").alias("category"), pl.col("day_county").alias("county_code")]
    order = {code: place for place, code in enumerate(subsidy.categories)}

    def place(column: str) -> pl.Expr:
        return (
            pl.col(column)
            .replace_strict(order, default=len(order), return_dtype=pl.Int32)
            .fill_null(len(order))
        )

    better = place("best_category") < place("day_category")
    return [
        pl.when(better).then("best_category").otherwise("day_category").alias("category"),
        pl.when(better).then("best_county").otherwise("day_county").alias("county_code"),
    ]


def _amounts() -> list[pl.Expr]:
    """entitled, held_reason, amount_fen; the rate of a row whose tier is open is not known."""
    rated, open_ = pl.col("numerator").is_not_null(), pl.col("_open")
    no_standard = pl.col("standard_fen").is_null()
    reason = (
        pl.when(open_)
        .then(pl.lit(NO_TIER))
        .when(rated & no_standard)
        .then(pl.lit(NO_STANDARD))
        .otherwise(pl.lit(None, pl.String))
    )
    share = pl.col("standard_fen") * pl.col("numerator") * 2 + pl.col("denominator")
    due = share // (2 * pl.col("denominator"))
    return [
        pl.when(open_).then(pl.lit(None, pl.Boolean)).otherwise(rated).alias("entitled"),
        reason.alias("held_reason"),
        pl.when(reason.is_not_null()).then(None).when(rated).then(due).otherwise(0).alias("amount_fen"),
        pl.when(~open_).then("numerator").alias("numerator"),
        pl.when(~open_).then("denominator").alias("denominator"),
    ]


def other_amounts(rows: pl.DataFrame, subsidy: PremiumSubsidy) -> pl.DataFrame:
    """person_key, reading_key, reading, amount_fen, and the rule of that reading, where it gives another known amount.

    `rows`: as `judged` takes them. One entry of the register (A-P20, A-P32) is read in another way at a time.
    """
    default = judged(rows, subsidy, subsidy.readings).select("person_key", _default="amount_fen")
    found = []
    for key, letters in (("A-P20", "ab"), ("A-P32", "ab")):
        for letter in letters:
            if subsidy.readings.get(key, letter) == letter:
                continue
            other = judged(rows, subsidy, subsidy.readings | {key: letter})
            both = other.join(default, on="person_key").filter(
                pl.col("amount_fen").is_not_null() & pl.col("amount_fen").ne_missing(pl.col("_default"))
            )
            found.append(both.with_columns(reading_key=pl.lit(key), reading=pl.lit(letter)))
    columns = ["person_key", "reading_key", "reading", "amount_fen", "category", "county_code", "rule_id", "article",
               "policy_version", "readings"]  # fmt: skip
    empty = judged(rows, subsidy, subsidy.readings).clear().with_columns(
        reading_key=pl.lit(None, pl.String), reading=pl.lit(None, pl.String)
    )  # fmt: skip
    return pl.concat([empty.select(columns), *(frame.select(columns) for frame in found)])
