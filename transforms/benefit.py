"""From costs to an amount, and the rows that explain it: benefit lines and benefit items.

Shared by the rules on households (封顶 L-04, 化解 W-06). All amounts in fen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from transforms.spans import below
from transforms.units import Units, caps_in_order, placed

if TYPE_CHECKING:
    from schemas.policy import HouseholdCap

COUNTED = "计入"
COUNTED_FLOORED = "计入，全家合计为负，按0计"
REASONS = {
    "reversed": "已冲正，视为未发生",
    "refund": "退费行，已并入原结算",
    "listed": "负数行或退费行待核对，不计",
    "half_missing": "标记已退费而退费行未到，不计",
    "out_of_scope": "不在统计范围(无效、就医地数据或生育、工伤等险种)",
    "layer": "补充层次的结算，已随主结算计入",
}
"""Why a settlement that is not counted at all stands aside, by state, where no closer reason is given."""
UNKNOWN_BURDEN = ("listed", "half_missing")
PLACED = (
    "setl_id", "person_key", "county_code", "designated", "setl_time", "institution_code", "tot_fen", "pol_fen",
    "psn_fen", "cash_fen", "com_used_fen", "sub_used_fen", "neg_fen", "burden_fen", "illness", "file_id",
    "sheet", "source_row",
)  # fmt: skip
"""Columns of a settlement that a rule on households looks at; the others are not carried along."""
ITEM_COLUMNS = [
    "benefit_id",
    "settlement_id",
    "base_fen",
    "person_key",
    "setl_date",
    "institution_code",
    "psn_fen",
    "com_fen",
    "sub_fen",
    "neg_fen",
    "burden_fen",
    "counted",
    "reason",
    "category_on_day",
    "household_id_on_day",
    "file_id",
    "sheet",
    "source_row",
    "unit_id",
]


def due(cap: HouseholdCap, base: pl.Expr, yardstick: pl.Expr) -> pl.Expr:
    """Amount above the cap or threshold at the rule's rate, half-up to the fen, at most its yearly limit."""
    over = (base - yardstick).clip(lower_bound=0)
    share = (over * (2 * cap.rate.numerator) + cap.rate.denominator) // (2 * cap.rate.denominator)
    return share if cap.limit_fen is None else share.clip(upper_bound=cap.limit_fen)


def costs_of_units(cap: HouseholdCap, settlements: pl.DataFrame, found: Units) -> pl.DataFrame:
    """`placed` settlements with what the rule asks of each.

    insured, allowed (a designated institution), in_time; open: everything but the certificate holds, in the
    household of the day; counted: a certificate of the policy was held on the day as well, under that category and
    with its burden (category, counted_fen).
    """
    yes = pl.lit(True)
    looked_at = settlements.select(name for name in PLACED if name in settlements.columns)
    in_time = pl.col("setl_date") >= cap.counted_from if cap.counted_from is not None else yes
    return (
        placed(looked_at, found)
        .with_columns(
            (below("county_code", cap.region_code) if cap.insured_in_region else yes).alias("insured"),
            (pl.col("designated").fill_null(True) if cap.designated_only else yes).alias("allowed"),
            in_time.alias("in_time"),
        )
        .with_columns(open=pl.col("at_home") & pl.col("insured") & pl.col("allowed") & pl.col("in_time"))
        .with_columns(
            counted=pl.col("open") & pl.col("category_on_day").is_not_null(),
            counted_fen="burden_fen",
        )
        .with_columns(category=pl.when("counted").then("category_on_day"))
    )


def unit_bases(cap: HouseholdCap, counted: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """Base, category and yardstick of every unit, and what is due.

    In: counted costs (unit_id, category, burden_fen, counted_fen: what of it counts, null where unknown); units
    (unit_id, category: the last in force). Out: unit_id, raw_fen (sum of counted_fen), base_fen (floored at 0),
    category and cap_fen: the lowest cap among the categories under which costs with B > 0 arose, else that of the
    last category in force (reading A-L02 a); due_fen. One unknown part leaves raw, base and due unknown.
    """
    order = caps_in_order(cap)
    codes = list(order)
    place = pl.col("category").replace_strict(
        {code: i for i, code in enumerate(codes)}, return_dtype=pl.Int32
    )
    sums = counted.group_by("unit_id").agg(
        raw_fen=pl.when(pl.col("counted_fen").is_not_null().all()).then(pl.col("counted_fen").sum()),
        place=place.filter(pl.col("burden_fen") > 0).min(),
        n=pl.len(),
    )
    return (
        units.select("unit_id", last_place=place)
        .join(sums, on="unit_id", how="left", maintain_order="left")
        .with_columns(
            raw_fen=pl.when(pl.col("n").is_null()).then(0).otherwise("raw_fen"),
            place=pl.coalesce("place", "last_place"),
        )
        .with_columns(
            base_fen=pl.col("raw_fen").clip(lower_bound=0),
            category=pl.col("place").replace_strict(dict(enumerate(codes)), return_dtype=pl.String),
        )
        .with_columns(cap_fen=pl.col("category").replace_strict(order, return_dtype=pl.Int64))
        .with_columns(due_fen=due(cap, pl.col("base_fen"), pl.col("cap_fen")))
        .select("unit_id", "raw_fen", "base_fen", "category", "cap_fen", "due_fen")
    )


def _reason() -> pl.Expr:
    """Why a current settlement counts or not: the first condition that fails."""
    return (
        pl.when(pl.col("household_id_on_day").is_null() & ~pl.col("at_home"))
        .then(pl.lit("结算日不属于任何在册家庭"))
        .when(~pl.col("at_home"))
        .then(pl.lit("结算日属于其他家庭"))
        .when(~pl.col("insured"))
        .then(pl.lit("结算时参保地不在本区"))
        .when(~pl.col("counted") & pl.col("category_on_day").is_null())
        .then(pl.lit("结算日无有效的救助证件"))
        .when(~pl.col("allowed"))
        .then(pl.lit("非定点医药机构"))
        .when(~pl.col("in_time"))
        .then(pl.lit("早于本办法计算起始日"))
        .when(~pl.col("counted"))
        .then(pl.lit("按所用读法，证件不在应认定之日有效"))
        .when(pl.col("raw_fen") < 0)
        .then(pl.lit(COUNTED_FLOORED))
        .otherwise(pl.lit(COUNTED))
    )


def benefit_items(
    costs: pl.DataFrame, uncounted: pl.DataFrame, found: Units, lines: pl.DataFrame
) -> pl.DataFrame:
    """Every settlement of the unit's members in the year, counted or not, with its reason: ITEM_COLUMNS.

    `costs`: costs_of_units. `uncounted`: settlements that stand aside, with state and reason_zh. `lines`:
    unit_id, benefit_id, raw_fen. base_fen of a counted item is its burden; their sum is the line's base
    unless the floor bit.
    """
    by_unit = lines.select("unit_id", "benefit_id", "raw_fen").sort("benefit_id").with_row_index("benefit_no")
    current = _of_units(costs, by_unit).with_columns(
        reason=_reason(),
        com_fen="com_used_fen",
        sub_fen="sub_used_fen",
        base_fen=pl.when("counted").then("counted_fen").otherwise(0),
    )
    known = pl.when(~pl.col("state").is_in(UNKNOWN_BURDEN)).then(0)
    aside = _of_units(placed(uncounted, found), by_unit).with_columns(
        reason=pl.coalesce("reason_zh", pl.col("state").replace_strict(REASONS, default="不计")),
        counted=pl.lit(False),
        base_fen=pl.lit(0, pl.Int64),
        com_fen=pl.lit(0, pl.Int64),
        sub_fen=pl.lit(0, pl.Int64),
        neg_fen=pl.lit(0, pl.Int64),
        burden_fen=known.cast(pl.Int64),
    )
    columns = [
        pl.col("setl_id").alias(c) if c == "settlement_id" else pl.col(c)
        for c in ("benefit_no", *ITEM_COLUMNS)
    ]
    return (
        pl.concat([current.select(columns), aside.select(columns)])
        .sort("benefit_no", "setl_date", "settlement_id", "person_key", "file_id", "source_row")
        .drop("benefit_no")
    )


def _of_units(rows: pl.DataFrame, by_unit: pl.DataFrame) -> pl.DataFrame:
    """The rows whose unit_id stands in `by_unit` with its other columns; benefit_no is the number of its row.

    One column is looked up and the rest found by that number: no row of the many wide ones is moved.
    """
    numbers = by_unit.select("unit_id", "benefit_no")
    number = rows.select("unit_id").join(numbers, on="unit_id", how="left", maintain_order="left")[
        "benefit_no"
    ]
    found = rows.with_columns(by_unit.drop("unit_id").select(pl.all().gather(number)))
    return found.drop_nulls("benefit_no") if number.null_count() else found


def decided_readings(readings: dict[str, str], key: pl.Expr, letter: pl.Expr) -> pl.Expr:
    """The readings applied, "A-L01=a;A-L02=a"; the entry `key` that a decision reads in another way as `letter`."""
    parts = [
        pl.when(key == name)
        .then(pl.format("{}={}", pl.lit(name), letter))
        .otherwise(pl.lit(f"{name}={readings[name]}"))
        for name in sorted(readings)
    ]
    return pl.concat_str(parts, separator=";") if parts else pl.lit("")


def benefit_lines(cap: HouseholdCap, gaps: pl.DataFrame) -> pl.DataFrame:
    """One line a unit, also with 0 or an empty amount, from rows of cap_gap (with benefit_id, floor_fen)."""
    limit = pl.lit(cap.limit_fen, pl.Int64)
    rate = pl.lit(cap.rate.numerator, pl.Int64).cast(pl.Decimal(38, 6)) / pl.lit(
        cap.rate.denominator, pl.Int64
    ).cast(pl.Decimal(38, 6))
    return gaps.select(
        "benefit_id",
        "rule_id",
        "region_code",
        "unit_type",
        "unit_id",
        person_key=pl.col("head_person_key") if cap.unit_type == "person" else pl.lit(None, pl.Int64),
        cost_year="cost_year",
        settlement_id=pl.lit(None, pl.String),
        category="category",
        base_fen="burden_fen",
        threshold_fen="cap_fen",
        rate=rate.cast(pl.Decimal(9, 6)),
        limit_before_fen=limit,
        limit_after_fen=limit - pl.col("amount_fen"),
        amount_fen="amount_fen",
        policy_version=pl.lit(cap.policy_version),
        article=pl.lit(cap.article),
        readings=decided_readings(cap.readings, pl.col("reading_key"), pl.col("reading")),
        status="status",
        needs_review="needs_review",
        adjustment_of=pl.lit(None, pl.String),
        floor_fen="floor_fen",
        decision="decision",
        paid_fen="paid_fen",
        adjustment_fen="adjustment_fen",
        closed_fen="closed_fen",
        confirmed="confirmed",
    )
