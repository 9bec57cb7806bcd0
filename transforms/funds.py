"""Funds (基金): what was raised, from whom, what is due and paid, and the checks of the documents on whole numbers.

暖心基金 (临政办〔2024〕1号 三(三)): 3 × fiscal ≤ raised (L-10), raised against due (L-09). 共富基金 (温政办〔2023〕90号
三(五)): raised by the city (W-07), local money against the city's (W-08). 医疗救助基金 (彭水府办发〔2023〕52号 三(三)): used
against the budget (P-38). What no ledger shows is empty, never 0. All amounts in fen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import polars as pl

INCOME, ALLOCATION = "收入", "分配"
FISCAL, OTHER = "财政", "其他"
SOURCES = {
    "社会捐赠": "social_fen", FISCAL: "fiscal_fen", "惠民保承保公司": "insurer_fen", "定点医药机构": "institution_fen",
    "村集体": "village_fen", OTHER: "other_fen",
}  # fmt: skip
ASSISTANCE_FUND, ASSISTANCE_RULE = "医疗救助基金", "P-38"
SIZING = "L-09"
SCHEMA = pl.Schema(
    {
        "region_code": pl.String, "year": pl.Int32, "fund": pl.String, "rule_id": pl.String,
        "raised_fen": pl.Int64, "fiscal_fen": pl.Int64, "social_fen": pl.Int64, "insurer_fen": pl.Int64,
        "institution_fen": pl.Int64, "village_fen": pl.Int64, "other_fen": pl.Int64, "allocated_fen": pl.Int64,
        "due_fen": pl.Int64, "paid_fen": pl.Int64, "balance_fen": pl.Int64, "check_left_fen": pl.Int64,
        "check_right_fen": pl.Int64, "met": pl.Boolean, "forecast_fen": pl.Int64, "projected_fen": pl.Int64,
        "n_units": pl.Int64, "n_objects": pl.Int64,
    }
)  # fmt: skip


@dataclass(frozen=True)
class Flows:
    """What a ledger shows of a fund in a year, in fen; None: the ledger has no row of the kind."""

    raised: int | None = None
    by_source: dict[str, int] | None = None
    allocated: int | None = None


@dataclass(frozen=True)
class Need:
    """What the units that a fund pays for need, in fen; None: not known.

    due: amounts determined. paid: by the paid ledger. forecast: of a running year, the gaps to date; projected: as if
    the year went on as so far. n_units: units with an amount or gap; n_objects: people entitled on the yardstick date.
    """

    due: int | None = None
    paid: int | None = None
    forecast: int | None = None
    projected: int | None = None
    n_units: int | None = None
    n_objects: int | None = None


@dataclass(frozen=True)
class Position:
    """One row of mart.fund_position: `left` and `right` of the check; `at_most`: left may be at most right."""

    region_code: str | None
    year: int
    fund: str
    rule_id: str | None
    flows: Flows
    need: Need
    left: int | None = None
    right: int | None = None
    at_most: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the check holds; not known where a side is not."""
        if self.left is None or self.right is None:
            return None
        return self.left <= self.right if self.at_most else self.left >= self.right


def same_fund(name: str, official: str) -> bool:
    """Whether a ledger's name is the fund's: the same, or one with more words before it."""
    return bool(name) and (official.endswith(name) or name.endswith(official))


def flows_of(ledger: pl.DataFrame, fund: str, regions: Iterable[str | None] | None) -> Flows:
    """What a ledger (core FundLedger rows of one year) shows of a fund: in certain regions, or everywhere (None)."""
    mine = [same_fund(name, fund) for name in ledger["fund"].to_list()]
    rows = ledger.filter(pl.Series(mine, dtype=pl.Boolean))
    if regions is not None:
        wanted = list(regions)
        codes = [code for code in wanted if code is not None]
        there = pl.col("region_code").is_in(codes).fill_null(None in wanted)
        rows = rows.filter(there)
    income, allocated = (rows.filter(pl.col("flow") == flow) for flow in (INCOME, ALLOCATION))
    return Flows(
        raised=_sum(income),
        by_source=None if income.is_empty() else _by_source(income),
        allocated=_sum(allocated),
    )


def _sum(rows: pl.DataFrame) -> int | None:
    return None if rows.is_empty() else int(rows["amount_fen"].sum())


def _by_source(income: pl.DataFrame) -> dict[str, int]:
    """Every class of source with its sum; a source that is not named is 其他."""
    column = pl.col("source_kind").replace_strict(SOURCES, default=SOURCES[OTHER], return_dtype=pl.String)
    sums = income.group_by(column.fill_null(SOURCES[OTHER]).alias("name")).agg(pl.col("amount_fen").sum())
    return dict.fromkeys(SOURCES.values(), 0) | dict(sums.iter_rows())


def sized(position: Position) -> Position:
    """L-09, for a finding: what the units need against what was raised; in a running year as forecast."""
    need = position.need.due if position.need.due is not None else position.need.forecast
    return replace(position, rule_id=SIZING, left=need, right=position.flows.raised)


def fiscal_share(position: Position, share: Fraction | None) -> Position:
    """L-10: fiscal ÷ raised at most p/q, as q × fiscal ≤ p × raised; exactly one third passes."""
    raised, sources = position.flows.raised, position.flows.by_source
    if share is None or raised is None or sources is None:
        return position
    return replace(
        position, left=share.denominator * sources[SOURCES[FISCAL]], right=share.numerator * raised
    )


def budget(position: Position, budget_fen: int | None) -> Position:
    """W-07: what the city raised, at least the yearly sum."""
    return replace(position, left=position.flows.raised, right=budget_fen, at_most=False)


def matched(position: Position, share: Fraction | None) -> Position:
    """W-08: local money ÷ city money at least p/q, as q × local ≥ p × city."""
    local, city = position.flows.raised, position.flows.allocated
    if share is None or local is None or city is None:
        return position
    return replace(position, left=share.denominator * local, right=share.numerator * city, at_most=False)


def used(position: Position) -> Position:
    """P-38: what was paid, at most the budget that the ledger shows as raised."""
    return replace(position, left=position.need.paid, right=position.flows.raised)


def need_of_caps(
    cap_gap: pl.DataFrame, rules: Sequence[str], region: str | None, passed: Fraction, *, paid_known: bool
) -> Need:
    """What the units of some rules need, in a county or everywhere; `passed`: share of the year that has gone by.

    `paid_known`: a paid ledger was delivered.
    """
    if cap_gap.is_empty():
        return Need()
    rows = cap_gap.filter(pl.col("rule_id").is_in(list(rules)))
    rows = rows if region is None else rows.filter(pl.col("region_code") == region)
    if rows.is_empty():
        return Need()
    running = rows.filter(pl.col("status") == "forecast")
    known = rows["amount_fen"].drop_nulls()
    with_money = pl.col("amount_fen").fill_null(0) + pl.when(pl.col("status") == "forecast").then(
        "gap_fen"
    ).otherwise(0)
    return Need(
        due=int(known.sum()) if len(known) else None,
        paid=int(rows["paid_fen"].fill_null(0).sum()) if paid_known else None,
        forecast=_forecast(running, Fraction(1)),
        projected=_forecast(running, passed),
        n_units=rows.filter(with_money > 0).height,
    )


def _forecast(running: pl.DataFrame, passed: Fraction) -> int | None:
    """Σ max(0, burden ÷ share of the year gone by − cap), each at most its yearly limit; None in a closed year."""
    if running.is_empty() or passed <= 0:
        return None
    whole_year = pl.col("burden_fen") * passed.denominator // passed.numerator
    over = (whole_year - pl.col("cap_fen")).clip(0)
    limited = (
        pl.when(pl.col("limit_fen").is_not_null()).then(pl.min_horizontal(over, "limit_fen")).otherwise(over)
    )
    return int(running.select(limited.sum()).item())


def need_of_assistance(lines: pl.DataFrame, audit: pl.DataFrame, rules: Sequence[str], region: str) -> Need:
    """What assistance and tilt relief a county owes and has paid; a line without an amount is not known.

    Paid is what the extract records at the settlement (`audit`: mart.assistance_audit) and what the paid ledger shows.
    """
    if lines.is_empty():
        return Need()
    mine = pl.col("rule_id").is_in(list(rules)) & (pl.col("region_code") == region)
    own = lines.filter(mine & first_lines(lines))
    amounts = own["amount_fen"].drop_nulls()
    parts = [own["paid_fen"].cast(pl.Int64)] if "paid_fen" in own.columns else []
    if not audit.is_empty():
        recorded = audit.filter(pl.col("region_code") == region)
        parts += [recorded["ma_actual_fen"], recorded["tilt_actual_fen"]]
    known = pl.concat(parts).drop_nulls() if parts else pl.Series([], dtype=pl.Int64)
    paid = int(known.sum()) if len(known) else None
    return Need(
        due=int(amounts.sum()) if len(amounts) else None,
        paid=paid,
        n_units=own.filter(pl.col("amount_fen") > 0)["unit_id"].n_unique(),
        n_objects=None,
    )


def first_lines(lines: pl.DataFrame) -> pl.Expr:
    """Lines that adjust no other one: an adjustment would count what it adjusts twice."""
    return pl.col("adjustment_of").is_null() if "adjustment_of" in lines.columns else pl.lit(True)


def position_rows(positions: Iterable[Position]) -> pl.DataFrame:
    """Positions as rows of mart.fund_position, in the order of its key; those that say nothing are left out."""
    rows = [_row(position) for position in positions if _says_something(position)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").sort(
        "region_code", "year", "fund", "rule_id", nulls_last=True
    )


def _says_something(position: Position) -> bool:
    known = (
        position.flows.raised,
        position.flows.allocated,
        position.need.due,
        position.need.forecast,
        position.need.paid,
    )
    return any(part is not None for part in known) or position.need.n_units is not None


def _row(position: Position) -> tuple[object, ...]:
    flows, need = position.flows, position.need
    sources = flows.by_source or {}
    known = flows.raised is not None and need.paid is not None
    return (
        position.region_code, position.year, position.fund, position.rule_id, flows.raised,
        *(sources.get(name) for name in ("fiscal_fen", "social_fen", "insurer_fen", "institution_fen", "village_fen", "other_fen")),
        flows.allocated, need.due, need.paid,
        (flows.raised or 0) - (need.paid or 0) if known else None,
        position.left, position.right, position.met, need.forecast, need.projected, need.n_units, need.n_objects,
    )  # fmt: skip
