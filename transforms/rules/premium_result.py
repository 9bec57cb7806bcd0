"""Result rows of the premium subsidy: mart.premium_subsidy, benefit lines with their items, and review cases.

What is due is held against 资助参保台账, the only source of what was really subsidised (finsubs_amt is the general
财政补助). Without a ledger of the year the verdict is no_ledger; what is held or not determined accuses nobody. Amounts in
fen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl
from polars.datatypes import DataType, DataTypeClass

from transforms.ledger import Ids, benefit_ids
from transforms.pseudonym import key_texts
from transforms.rules.premium import judged, other_amounts
from transforms.rules.ruled import rulings

if TYPE_CHECKING:
    from schemas.premium import PremiumSubsidy

NO_PREMIUM = "没有已缴的居民医保缴费记录"
NO_RATE = "所在地的文件没有资助比例"
OTHER_PLACE = "资助地与认定地不符"
SEVERAL = "有几笔缴费记录"
_SUBSIDY: dict[str, DataType | DataTypeClass] = {
    "person_key": pl.Int64, "region_code": pl.String, "insurance_year": pl.Int32, "category": pl.String,
    "tier": pl.String, "standard_fen": pl.Int64, "rate": pl.Decimal(9, 6), "subsidy_fen": pl.Int64,
    "paid_self_fen": pl.Int64, "payer_region_code": pl.String, "actual_fen": pl.Int64, "difference_fen": pl.Int64,
    "source": pl.String, "verdict": pl.String, "reason": pl.String, "paid_on": pl.Date, "before_document": pl.Boolean,
    "benefit_id": pl.String,
}  # fmt: skip
SUBSIDY = pl.Schema(_SUBSIDY)
CASES = pl.Schema(
    {"benefit_id": pl.String, "reading_key": pl.String, "reading": pl.String, "amount_fen": pl.Int64, "unit_id": pl.String}
)  # fmt: skip


class Subsidies(NamedTuple):
    """subsidies: SUBSIDY; lines, items, cases: rows of mart.benefit_line, benefit_item, review_case."""

    subsidies: pl.DataFrame
    lines: pl.DataFrame
    items: pl.DataFrame
    cases: pl.DataFrame


class Drafts(NamedTuple):
    """One policy's lines before any word on them, the ledger's people without a paid premium line, and review cases.

    lines: `premium.judged` with unit_id, benefit_id; cases: CASES.
    """

    lines: pl.DataFrame
    unpaid: pl.DataFrame
    cases: pl.DataFrame


def drafts(rows: pl.DataFrame, subsidy: PremiumSubsidy, year: int, ids: Ids) -> Drafts:
    """What one policy gives in an insurance year.

    `rows`: one person each with a paid line or a ledger row: `premium.with_categories` joined with `ledger_sums`, and
    tier, standard_fen, has_premium, has_ledger (a ledger of the year came for the place).
    """
    paid = rows.filter("has_premium")
    others = other_amounts(paid, subsidy)
    lines = _with_ids(_shown(judged(paid, subsidy, subsidy.readings), others), year, ids)
    unpaid = judged(rows.filter(~pl.col("has_premium")), subsidy, subsidy.readings)
    unpaid = unpaid.filter(pl.col("entitled").fill_null(True)).with_columns(
        held_reason=pl.lit(NO_PREMIUM),
        amount_fen=pl.lit(None, pl.Int64),
        before_document=pl.lit(False),
        benefit_id=pl.lit(None, pl.String),
    )
    return Drafts(lines, unpaid, _case_rows(others, lines))


def results(
    found: Drafts, subsidy: PremiumSubsidy, year: int, decided: pl.DataFrame | None = None
) -> Subsidies:
    """The results of one policy and insurance year after decisions (`decided_lines.DECIDED`; None: nothing decided)."""
    lines = _with_status(_ruled(found.lines, found.cases, decided), found.cases, subsidy)
    entitled = lines.filter(pl.col("entitled").fill_null(True))
    both = pl.concat([entitled, found.unpaid], how="diagonal_relaxed")
    return Subsidies(subsidy_rows(both, year), _line_rows(lines, year), _item_rows(lines), found.cases)


def _ruled(lines: pl.DataFrame, cases: pl.DataFrame, decided: pl.DataFrame | None) -> pl.DataFrame:
    """The lines with the amounts that decisions set: a fixed one, or that of the reading they choose.

    Adds is_decided, confirmed, closed_fen, decision. Whom a decision gives something is entitled by it.
    """
    other = cases.select("benefit_id", "reading_key", "reading", _case_fen="amount_fen")
    said = pl.coalesce("fixed_fen", "_case_fen")
    return (
        lines.join(rulings(decided), on="benefit_id", how="left", maintain_order="left")
        .join(other, on=["benefit_id", "reading_key", "reading"], how="left", maintain_order="left")
        .with_columns(
            amount_fen=pl.coalesce(said, "amount_fen"),
            entitled=pl.col("entitled") | (said > 0).fill_null(False),
            held_reason=pl.when(said.is_null()).then("held_reason"),
            is_decided=pl.col("decided").fill_null(False) & ~pl.col("stale").fill_null(False),
            confirmed=pl.col("confirmed").fill_null(False),
        )
        .drop("fixed_fen", "_case_fen", "reading_key", "reading", "decided", "stale")
    )


def _shown(found: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
    """Who has a line: who is, or may be, entitled, and whom another reading gives something: then 0, under its rule."""
    other = cases.filter(pl.col("amount_fen") > 0).unique("person_key", keep="first", maintain_order=True)
    columns = ["rule_id", "article", "policy_version", "readings", "county_code"]
    named = other.select("person_key", *(pl.col(name).alias(f"_{name}") for name in columns))
    joined = found.join(named, on="person_key", how="left", maintain_order="left")
    return (
        joined.filter(pl.col("entitled").fill_null(True) | pl.col("_rule_id").is_not_null())
        .with_columns(pl.coalesce(name, f"_{name}").alias(name) for name in columns)
        .drop([f"_{name}" for name in columns])
    )


def _with_ids(rows: pl.DataFrame, year: int, ids: Ids) -> pl.DataFrame:
    """Adds unit_id and benefit_id, the id of the line of rule, person and year."""
    named = rows.with_columns(key_texts(rows["person_key"], "P").alias("unit_id")).sort(
        "rule_id", "person_key"
    )
    parts = [
        part.with_columns(benefit_ids(part["unit_id"], str(rule), year, ids).alias("benefit_id"))
        for (rule,), part in named.group_by("rule_id", maintain_order=True)
    ]
    return pl.concat(parts) if parts else named.with_columns(benefit_id=pl.lit(None, pl.String))


def _with_status(rows: pl.DataFrame, cases: pl.DataFrame, subsidy: PremiumSubsidy) -> pl.DataFrame:
    """Adds before_document, has_case, status of the line.

    held, review (another reading gives another amount and nothing is decided), before_document (paid before the
    document: for information), within (0), paid, adjust_up, adjust_down (against the ledger), confirmed, due.
    """
    asked = cases.select("benefit_id", has_case=pl.lit(True)).unique()
    day = pl.coalesce("paid_on", "new_year")
    actual = pl.when("has_ledger").then(pl.col("actual_fen").fill_null(0))
    given = actual.fill_null(0) > 0
    status = (
        pl.when(pl.col("amount_fen").is_null())
        .then(pl.lit("held"))
        .when(pl.col("has_case") & ~pl.col("is_decided"))
        .then(pl.lit("review"))
        .when(pl.col("before_document") & ~pl.col("is_decided"))
        .then(pl.lit("before_document"))
        .when((pl.col("amount_fen") == 0) & ~given)
        .then(pl.lit("within"))
        .when(given & (actual == pl.col("amount_fen")))
        .then(pl.lit("paid"))
        .when(given & (actual < pl.col("amount_fen")))
        .then(pl.lit("adjust_up"))
        .when(given)
        .then(pl.lit("adjust_down"))
        .when("confirmed")
        .then(pl.lit("confirmed"))
        .otherwise(pl.lit("due"))
    )
    return (
        rows.join(asked, on="benefit_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("has_case").fill_null(False), before_document=day < pl.lit(subsidy.in_force, pl.Date)
        )
        .with_columns(status=status)
    )


def _rate() -> pl.Expr:
    exact = pl.col("numerator").cast(pl.Decimal(38, 6)) / pl.col("denominator").cast(pl.Decimal(38, 6))
    return exact.cast(pl.Decimal(9, 6)).alias("rate")


def subsidy_rows(rows: pl.DataFrame, year: int) -> pl.DataFrame:
    """Rows of mart.premium_subsidy. verdict: match, under, over, held, no_ledger.

    difference_fen = due − actual. Where a ledger of the year came and does not name the person, nothing was subsidised.
    """
    actual = pl.when("has_ledger").then(pl.col("actual_fen").fill_null(0))
    difference = pl.col("amount_fen") - actual
    verdict = (
        pl.when(pl.col("amount_fen").is_null())
        .then(pl.lit("held"))
        .when(~pl.col("has_ledger"))
        .then(pl.lit("no_ledger"))
        .when(difference > 0)
        .then(pl.lit("under"))
        .when(difference < 0)
        .then(pl.lit("over"))
        .otherwise(pl.lit("match"))
    )
    elsewhere = (pl.col("ledger_region").str.slice(0, 6) != pl.col("county_code")).fill_null(False)
    why = pl.concat_str(
        [
            pl.col("held_reason"),
            pl.when(elsewhere).then(pl.lit(OTHER_PLACE)),
            pl.when(pl.col("n_lines").fill_null(0) > 1).then(pl.lit(SEVERAL)),
        ],
        separator="；",
        ignore_nulls=True,
    )
    return (
        rows.with_columns(_rate())
        .select(
            "person_key",
            region_code="county_code",
            insurance_year=pl.lit(year, pl.Int32),
            category="category",
            tier="tier",
            standard_fen="standard_fen",
            rate="rate",
            subsidy_fen="amount_fen",
            paid_self_fen="own_fen",
            payer_region_code="county_code",
            actual_fen=actual,
            difference_fen=difference,
            source="source",
            verdict=verdict,
            reason=pl.when(why != "").then(why),
            paid_on="paid_on",
            before_document="before_document",
            benefit_id="benefit_id",
        )
        .cast(SUBSIDY)
        .sort("region_code", "person_key")
    )


def recorded(rows: pl.DataFrame, year: int) -> pl.DataFrame:
    """Rows of mart.premium_subsidy of a place whose documents give no rate: what the ledger shows, not_determined.

    `rows`: `ledger_sums` with county_code, category, standard_fen, own_fen, paid_on, tier.
    """
    nothing = dict.fromkeys(("subsidy_fen", "difference_fen"), pl.lit(None, pl.Int64))
    return rows.select(
        "person_key",
        region_code="county_code",
        insurance_year=pl.lit(year, pl.Int32),
        category="category",
        tier="tier",
        standard_fen="standard_fen",
        rate=pl.lit(None, pl.Decimal(9, 6)),
        paid_self_fen="own_fen",
        payer_region_code=pl.coalesce(pl.col("ledger_region").str.slice(0, 6), "county_code"),
        actual_fen="actual_fen",
        **nothing,
        source="source",
        verdict=pl.lit("not_determined"),
        reason=pl.lit(NO_RATE),
        paid_on="paid_on",
        before_document=pl.lit(None, pl.Boolean),
        benefit_id=pl.lit(None, pl.String),
    ).select(SUBSIDY.names()).cast(SUBSIDY).sort("region_code", "person_key")  # fmt: skip


def _line_rows(lines: pl.DataFrame, year: int) -> pl.DataFrame:
    """Rows of mart.benefit_line: base is the tier-1 standard; without an entitlement the rate is 0."""
    held = pl.col("amount_fen").is_null()
    none = pl.col("entitled").fill_null(True)
    actual = pl.when("has_ledger").then(pl.col("actual_fen").fill_null(0))
    return lines.with_columns(_rate()).select(
        "benefit_id",
        "rule_id",
        region_code="county_code",
        unit_type=pl.lit("person"),
        unit_id="unit_id",
        person_key="person_key",
        cost_year=pl.lit(year, pl.Int32),
        settlement_id=pl.lit(None, pl.String),
        category="category",
        base_fen="standard_fen",
        threshold_fen=pl.lit(None, pl.Int64),
        rate=pl.when(none).then("rate").otherwise(pl.lit(0, pl.Decimal(9, 6))),
        limit_before_fen=pl.lit(None, pl.Int64),
        limit_after_fen=pl.lit(None, pl.Int64),
        amount_fen="amount_fen",
        policy_version="policy_version",
        article="article",
        readings="readings",
        status="status",
        needs_review=(held | pl.col("has_case")) & ~pl.col("is_decided"),
        adjustment_of=pl.lit(None, pl.String),
        paid_fen=actual,
        adjustment_fen=pl.col("amount_fen") - actual,
        closed_fen="closed_fen",
        confirmed="confirmed",
        decision="decision",
        floor_fen=pl.lit(0, pl.Int64),
    )


def _item_rows(lines: pl.DataFrame) -> pl.DataFrame:
    """Rows of mart.benefit_item: the premium line that the subsidy is for, in place of a settlement."""
    return lines.select(
        "benefit_id",
        settlement_id=pl.lit(None, pl.String),
        base_fen="standard_fen",
        person_key="person_key",
        setl_date="paid_on",
        institution_code=pl.lit(None, pl.String),
        psn_fen="own_fen",
        com_fen=pl.lit(0, pl.Int64),
        sub_fen=pl.lit(0, pl.Int64),
        neg_fen=pl.lit(0, pl.Int64),
        burden_fen=pl.lit(None, pl.Int64),
        counted=pl.lit(True),
        reason=pl.when(pl.col("held_reason").is_not_null())
        .then(pl.lit("待核实：") + pl.col("held_reason"))
        .otherwise(pl.lit("居民医保缴费记录")),
        category_on_day="category",
        household_id_on_day=pl.lit(None, pl.String),
        file_id="file_id",
        sheet="sheet",
        source_row="source_row",
    )


def _case_rows(cases: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    named = cases.join(lines.select("person_key", "benefit_id", "unit_id"), on="person_key")
    return named.select(CASES.names()).cast(CASES).sort("benefit_id", "reading_key", "reading")


def not_entitled(rows: pl.DataFrame, subsidies: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Rows with a ledger sum above 0 of people whom neither the default nor another reading gives a subsidy."""
    known = pl.concat([subsidies.select("person_key"), lines.select("person_key")]).unique()
    return rows.filter(pl.col("actual_fen") > 0).join(known, on="person_key", how="anti")
