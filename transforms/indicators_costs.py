"""What the cost indicators (IND-3, IND-4, IND-6, IND-9) sum up: total cost, who bore it, and what a cap takes off.

The millions of settlements of everybody are summed in one streaming pass with B = PSN; those whose burden was worked
out one by one (people on a roster or with payments) replace their part. A settlement that lacks what a variant needs
(cash, policy-range cost, a fund's part) is left out of both sides of that variant and counted. All amounts in fen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date

import polars as pl

from transforms.indicators import CASH_ONLY, DEFAULT, PAID, POLICY_RANGE, THREE_SYSTEMS
from transforms.spans import below, best_code_spans, on_day, only, with_others

FUNDS = ("bas_fen", "civ_fen", "ent_fen", "cii_fen", "lrg_fen", "dis_fen", "maf_fen", "oth_fen")
"""What funds pay of a settlement; 倾斜救助 (tilt_fen) stands beside them where a counter shows it."""
THREE = ("bas_fen", "cii_fen", "lrg_fen", "maf_fen")
"""三重制度: basic insurance, critical illness (职工大额 is its counterpart), medical assistance."""
NEEDED = (
    "setl_id", "person_key", "county_code", "setl_time", "tot_fen", "psn_fen", "cash_fen", "pol_fen", "neg_fen",
    "burden_fen", "tilt_fen", *FUNDS,
)  # fmt: skip
"""Columns of a settlement that its sums look at; the others are not carried along."""
SHOWN = (
    "ooc_fen", "ovl_fen", "pre_fen", "ded_fen", "acct_fen", "hosp_fen", "com_used_fen", "institution_code", "mdtrt_id",
    "dise_no", "sub_used_fen",
)  # fmt: skip
"""What else of a settlement is shown by category and county."""
VARIANTS = (DEFAULT, PAID, CASH_ONLY, POLICY_RANGE, THREE_SYSTEMS)
COUNTY = 6
"""Digits of a county's code."""
Pair = tuple[int, int]
"""Numerator and denominator in fen."""


@dataclass(frozen=True)
class Sums:
    """Sums over a set of settlements: all of them, and by what is known of them.

    n, tot, neg, burden; cash_*: those whose cash is known, with what was borne in cash; pol_*: those whose policy-range
    cost and funds are known (pol: the cost), with the part of the burden that can be in range; three_*: those whose
    three systems are known, with what these paid.
    """

    n: int = 0
    tot: int = 0
    neg: int = 0
    burden: int = 0
    cash_n: int = 0
    cash_tot: int = 0
    cash_neg: int = 0
    cash_left: int = 0
    pol_n: int = 0
    pol_tot: int = 0
    pol: int = 0
    pol_left: int = 0
    three_n: int = 0
    three_tot: int = 0
    three_neg: int = 0
    three_paid: int = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Sums)))

    def __sub__(self, other: Sums) -> Sums:
        return Sums(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(Sums)))


NAMES = tuple(f.name for f in fields(Sums))


@dataclass(frozen=True)
class Off:
    """What caps and reliefs take off a final burden: due, paid so far, and the part of due in cash and in range."""

    due: int = 0
    paid: int = 0
    cash: int = 0
    pol: int = 0

    def __add__(self, other: Off) -> Off:
        return Off(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Off)))


NOTHING_OFF = Off()


def in_cash(burden: pl.Expr, psn: pl.Expr) -> pl.Expr:
    """The burden with cash in the place of account and cash; a correction (negative) counts with its cash."""
    return pl.when(psn < 0).then(pl.col("cash_fen")).otherwise((pl.col("cash_fen") - psn + burden).clip(0))


def in_range(burden: pl.Expr) -> pl.Expr:
    """The part of a burden that can lie in the policy range: at most POL less what funds paid; unknown: null.

    Payments after the settlement go against what is out of range first, so this is the most that is left in range.
    """
    paid = pl.sum_horizontal(*FUNDS, ignore_nulls=False) + pl.col("tilt_fen").fill_null(0)
    return (pl.col("pol_fen") - paid).clip(burden.clip(upper_bound=0), burden.clip(lower_bound=0))


def cost_sums(burden: pl.Expr, neg: pl.Expr | None) -> list[pl.Expr]:
    """Aggregations of settlements to the parts of `Sums`; `neg` None: no negative list."""
    tot, psn = pl.col("tot_fen"), pl.col("psn_fen")
    cash, ranged = in_cash(burden, psn), in_range(burden)
    three = pl.sum_horizontal(*THREE, ignore_nulls=False)

    def listed(known: pl.Expr | None = None) -> pl.Expr:
        if neg is None:
            return pl.lit(0, pl.Int64)
        return (neg if known is None else _where(neg, known)).sum()

    has_cash, has_range, has_three = (part.is_not_null() for part in (cash, ranged, three))
    made = {
        "n": pl.len().cast(pl.Int64), "tot": tot.sum(), "neg": listed(), "burden": burden.sum(),
        "cash_n": has_cash.sum().cast(pl.Int64), "cash_tot": _where(tot, has_cash).sum(),
        "cash_neg": listed(has_cash), "cash_left": cash.sum(),
        "pol_n": has_range.sum().cast(pl.Int64), "pol_tot": _where(tot, has_range).sum(),
        "pol": _where(pl.col("pol_fen"), has_range).sum(), "pol_left": ranged.sum(),
        "three_n": has_three.sum().cast(pl.Int64), "three_tot": _where(tot, has_three).sum(),
        "three_neg": listed(has_three), "three_paid": three.sum(),
    }  # fmt: skip
    return [expression.alias(name) for name, expression in made.items()]


def _where(amount: pl.Expr, known: pl.Expr) -> pl.Expr:
    """The amount of the rows where that is known: row by row, for a filter within a sum would gather the groups."""
    return pl.when(known).then(amount)


def sums_of(settlements: pl.DataFrame | pl.LazyFrame, by: str | None = None) -> dict[str, Sums]:
    """Sums of settlements with burdens (Burdens.settlements) by a column of texts; without one under ''."""
    rows, parts = settlements.lazy(), cost_sums(pl.col("burden_fen"), pl.col("neg_fen"))
    grouped = rows.select(parts).with_columns(_by=pl.lit("")) if by is None else (
        rows.group_by(_by=pl.col(by)).agg(parts)
    )  # fmt: skip
    return _by_key(grouped.collect(engine="streaming"))


def insured_months(plain: pl.LazyFrame, amounts: Sequence[str] = ()) -> pl.DataFrame:
    """What all counted settlements sum to by county_code and month (1 to 12), from one streaming pass, with B = PSN.

    `plain`: Resolved.plain, of everybody. The parts of `Sums`, and of each of `amounts` its sum and, as `<x>_known`,
    how many settlements show it.
    """
    parts = ["tot_fen", "psn_fen", "cash_fen", "pol_fen", "tilt_fen", *FUNDS]
    columns = list(dict.fromkeys(["county_code", *parts, *amounts]))
    shown = [
        e for c in amounts for e in (pl.col(c).sum(), pl.col(c).count().cast(pl.Int64).alias(f"{c}_known"))
    ]
    return (
        plain.select(*columns, month=pl.col("setl_time").dt.month().cast(pl.Int32))
        .group_by("county_code", "month")
        .agg(*cost_sums(pl.col("psn_fen"), None), *shown)
        .collect(engine="streaming")
    )


def insured_of(months: pl.DataFrame, settlements: pl.DataFrame) -> dict[str, Sums]:
    """Sums of all counted settlements by county of insurance, codes below a county in the county.

    `months`: `insured_months`; `settlements`: Burdens.settlements, which replace their part.
    """
    found = _by_key(months.group_by(_by=pl.col("county_code")).agg(pl.col(NAMES).sum()))
    # what the part was, with B = PSN, and what replaces it: in one pass
    was = [part.name.prefix("was_") for part in cost_sums(pl.col("psn_fen"), None)]
    becomes = cost_sums(pl.col("burden_fen"), pl.col("neg_fen"))
    both = settlements.lazy().group_by(_by=pl.col("county_code")).agg(*was, *becomes)
    replaced = both.collect(engine="streaming")
    before = _by_key(replaced.select("_by", *(pl.col(f"was_{name}").alias(name) for name in NAMES)))
    after = _by_key(replaced)
    sums: dict[str, Sums] = {}
    for code, all_ in found.items():
        county = code[:COUNTY]
        sums[county] = sums.get(county, Sums()) + all_ - before.get(code, Sums()) + after.get(code, Sums())
    return sums


def _by_key(grouped: pl.DataFrame) -> dict[str, Sums]:
    return {
        str(row["_by"]): Sums(*(int(row[name] or 0) for name in NAMES))
        for row in grouped.filter(pl.col("_by").is_not_null()).iter_rows(named=True)
    }


def covered(costs: Sums, off: Off, variant: str) -> Pair:
    """IND-3: (Σ(TOT − NEG) − final burden, Σ(TOT − NEG)) of a variant; in the policy range over ΣPOL."""
    final, total = final_burden(costs, off, variant)
    return total - final, total


def borne(costs: Sums, off: Off, variant: str) -> Pair:
    """IND-4: (final burden, ΣTOT) of a variant; in the policy range over ΣPOL."""
    totals = {CASH_ONLY: costs.cash_tot, POLICY_RANGE: costs.pol, THREE_SYSTEMS: costs.three_tot}
    return final_burden(costs, off, variant)[0], totals.get(variant, costs.tot)


def final_burden(costs: Sums, off: Off, variant: str) -> Pair:
    """(final burden, total less the negative list) of a variant; what a cap takes off leaves at least 0."""
    match variant:
        case "cash_only":
            return max(0, costs.cash_left - off.cash), costs.cash_tot - costs.cash_neg
        case "policy_range":
            return max(0, costs.pol_left - off.pol), costs.pol
        case "three_systems":
            total = costs.three_tot - costs.three_neg
            return total - costs.three_paid, total
        case "paid":
            return max(0, costs.burden - off.paid), costs.tot - costs.neg
        case _:
            return max(0, costs.burden - off.due), costs.tot - costs.neg


def left_out(costs: Sums, variant: str) -> tuple[int, int]:
    """Settlements, and their total cost in fen, that a variant cannot take in for want of a figure."""
    known = {
        CASH_ONLY: (costs.cash_n, costs.cash_tot),
        POLICY_RANGE: (costs.pol_n, costs.pol_tot),
        THREE_SYSTEMS: (costs.three_n, costs.three_tot),
    }.get(variant, (costs.n, costs.tot))
    return costs.n - known[0], costs.tot - known[1]


def routed(
    settlements: pl.DataFrame, certificates: pl.DataFrame, ranks: Sequence[str], year: int
) -> pl.DataFrame:
    """Settlements of people with a category in the year; adds setl_date, category, routed_code.

    routed_code: the county whose roster lists the person on the settlement date (of several the one of the unique
    category), else the county of insurance.
    """
    every = with_others(ranks, certificates)
    best = best_code_spans(certificates, every, date(year, 1, 1), date(year, 12, 31))
    best = best.with_columns(category=only(ranks, "category"))
    days = best.select("person_key", "valid_from", "valid_to", "category", listed_code="county_code")
    dated = (
        settlements.select(*NEEDED, *(name for name in SHOWN if name in settlements.columns))
        .join(days.select("person_key").unique(), on="person_key", how="semi")
        .with_columns(setl_date=pl.col("setl_time").dt.date())
    )
    found = on_day(dated, days, "setl_date", ["category", "listed_code"])
    return found.with_columns(routed_code=pl.coalesce("listed_code", "county_code"))


def held_on(
    dated: pl.DataFrame, certificates: pl.DataFrame, codes: Sequence[str], territory: str, year: int
) -> pl.Series:
    """held: which of `codes`, recognised in the territory, the person holds on the date of each settlement; else null."""
    mine = certificates.filter(below("county_code", territory))
    found = best_code_spans(mine, codes, date(year, 1, 1), date(year, 12, 31))
    days = found.select("person_key", "valid_from", "valid_to", held="category")
    return on_day(dated.select("person_key", "setl_date"), days, "setl_date", ["held"])["held"]


def holding(
    dated: pl.DataFrame, certificates: pl.DataFrame, codes: Sequence[str], territory: str, year: int
) -> pl.DataFrame:
    """The settlements (`routed`) on whose date the person holds one of `codes`, recognised in the territory."""
    held = held_on(dated, certificates, codes, territory, year)
    return dated.with_columns(held).filter(held.is_not_null())


def cap_off(
    cap_gap: pl.DataFrame, items: pl.DataFrame, settlements: pl.DataFrame
) -> dict[tuple[str, str], Off]:
    """(rule, county) → what its caps take off; a unit without a determined amount takes off nothing.

    `items`: benefit_item; of a unit the part of the amount in cash is at most what was borne in cash, and what lies
    out of the policy range is taken off first.
    """
    if cap_gap.is_empty():
        return {}
    burden, psn = pl.col("burden_fen"), pl.col("psn_fen")
    units = cap_gap.filter(pl.col("amount_fen") != 0)["benefit_id"]
    counted = items.select("benefit_id", "person_key", "counted", setl_id="settlement_id").filter(
        pl.col("benefit_id").is_in(units.implode()) & pl.col("counted")
    )
    # few of all people have anything taken off, and a number is looked up faster than a text
    theirs = pl.col("person_key").is_in(counted["person_key"].unique().implode())
    of_unit = (
        counted.drop("person_key")
        .join(settlements.lazy().select(NEEDED).filter(theirs).collect(), on="setl_id")
        .select("benefit_id", borne=burden, cash=in_cash(burden, psn), ranged=in_range(burden))
        .group_by("benefit_id")
        .agg(pl.col("borne", "cash", "ranged").sum())
    )
    due, outside = pl.col("due"), pl.col("borne") - pl.col("ranged")
    found = (
        cap_gap.select("rule_id", "region_code", "benefit_id", due="amount_fen", paid="paid_fen")
        .join(of_unit, on="benefit_id", how="left")
        .with_columns(pl.exclude("rule_id", "region_code", "benefit_id").fill_null(0))
        .with_columns(
            cash=pl.min_horizontal(due, pl.col("cash")).clip(0), pol=(due - outside.clip(0)).clip(0)
        )
    )
    sums = found.group_by("rule_id", "region_code").agg(pl.col("due", "paid", "cash", "pol").sum())
    return {(rule, region): Off(*rest) for rule, region, *rest in sums.iter_rows()}


def taken_off(off: dict[tuple[str, str], Off], rules: Iterable[str], region: str) -> Off:
    """What several rules take off in a county together."""
    found = NOTHING_OFF
    for rule in rules:
        found += off.get((rule, region), NOTHING_OFF)
    return found
