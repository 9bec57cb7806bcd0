"""The figures of one county and year: every indicator with its variants, one row a policy that asks for it.

Pure arithmetic on what `flows.indicators` has summed and counted. Where a figure cannot be worked out it stands with
empty amounts, and a note says why (a finding for the operator).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from transforms.indicators import (
    DEFAULT,
    HARDSHIP,
    INSURED,
    LINEAR,
    LOW_INCOME,
    THREE_SYSTEMS,
    Figure,
    increase,
)
from transforms.indicators_costs import (
    VARIANTS,
    Off,
    Pair,
    Sums,
    borne,
    covered,
    left_out,
)

if TYPE_CHECKING:
    from schemas.targets import Target

NO_ENROLMENT = "缺少参保信息（psn_insu_d），无法计算"
ALL, ROSTER, AMOUNT, CLASS_2, LEVEL, RELATIVE, WARNED = (
    "all", "roster", "amount", "class_2", "level", "relative", "warned",
)  # fmt: skip
BEFORE_RELIEF, AFTER_TILT, RECORDED = "before_relief", "after_tilt", "recorded"


@dataclass(frozen=True)
class Note:
    """Why a figure is not known, or what it leaves out: a row of mart.roster_finding."""

    region_code: str
    rule_id: str
    finding: str
    suggestion: str
    n_rows: int | None = None
    amount_fen: int | None = None


@dataclass(frozen=True)
class County:
    """One county and year. `open`: its figures may change, as the year runs or an amount is not determined."""

    region_code: str
    year: int
    open: bool

    def figure(
        self,
        indicator: str,
        population: str,
        variant: str,
        target: Target | None,
        pair: Pair | None,
        *,
        counts: bool = False,
        judged: bool = True,
        policy_id: str | None = None,
        partial: bool = False,
    ) -> Figure:
        """A figure of the county; `judged`: against the target of its policy; `partial`: something was left out."""
        numerator, denominator = pair if pair is not None else (None, None)
        return Figure(
            self.region_code, self.year, indicator, population, variant,
            target.policy_id if target is not None else policy_id,
            numerator, denominator, counts,
            target.value if target is not None and judged else None,
            target.operator if target is not None else ">=",
            self.open or partial,
        )  # fmt: skip


def cost_figures(
    county: County, indicator: str, population: str, target: Target | None, costs: Sums, off: Off
) -> list[Figure]:
    """IND-3 or IND-4 of a population: every variant against the policy's target; the linear path for information."""
    pairs = {
        variant: (covered if indicator == "IND-3" else borne)(costs, off, variant) for variant in VARIANTS
    }
    made = [
        county.figure(
            indicator, population, variant, target, pair if costs.n else (0, 0), partial=left_out(costs, variant)[0] > 0
        )
        for variant, pair in pairs.items()
    ]  # fmt: skip
    if target is not None and target.linear is not None:
        made.append(replace(made[0], variant=LINEAR, target=target.linear))
    return made


def left_out_notes(county: County, indicator: str, costs: Sums) -> list[Note]:
    """What the variants of a cost indicator leave out for want of a figure, one note a variant."""
    words = {
        "cash_only": "现金支付",
        "policy_range": "政策范围内费用或基金支付明细",
        THREE_SYSTEMS: "三重制度支付明细",
    }
    notes = []
    for variant, missing in words.items():
        rows, amount = left_out(costs, variant)
        if rows:
            text = f"{county.year}年 {indicator} 的 {variant} 口径未计入{missing}不明的结算，其余口径不受影响"
            notes.append(
                Note(
                    county.region_code,
                    indicator,
                    text,
                    "请报送含各项费用和基金支付的结算资料。",
                    rows,
                    amount,
                )
            )
    return notes


def increase_figures(county: County, target: Target, now: Pair, before: Pair | None) -> list[Figure]:
    """IND-9 (A-W09): the level of the year, its increase in percentage points (default) and relative to the base year."""
    rows = [county.figure("IND-9", LOW_INCOME, LEVEL, target, now, judged=False)]
    if target.baseline is None or county.year <= target.baseline:
        return rows
    for variant in (DEFAULT, RELATIVE):
        found = increase(now, before, variant == RELATIVE)
        pair = None if found is None else (found.numerator, found.denominator)
        figure = county.figure("IND-9", LOW_INCOME, variant, target, pair)
        rows.append(replace(figure, exact=None if found is None else found.value))
    return rows


@dataclass(frozen=True)
class SelfPay:
    """Policy-range self-pay of a set of objects (IND-6): ΣPOL, ΣR0, assistance due and recorded, tilt relief."""

    pol: int = 0
    r0: int = 0
    ma: int = 0
    recorded: int = 0
    tilt: int = 0
    partial: bool = False


def self_pay_figures(
    county: County, policy_id: str, all_: SelfPay, by_category: dict[str, SelfPay]
) -> list[Figure]:
    """IND-6 (no target): Σ R1 ÷ Σ POL, before relief, with relief as recorded, after tilt; R1 of each category."""
    variants = {
        DEFAULT: all_.r0 - all_.ma,
        BEFORE_RELIEF: all_.r0,
        RECORDED: all_.r0 - all_.recorded,
        AFTER_TILT: all_.r0 - all_.ma - all_.tilt,
    }
    parts = {variant: (rest, all_) for variant, rest in variants.items()}
    parts |= {code: (part.r0 - part.ma, part) for code, part in sorted(by_category.items())}
    return [
        county.figure(
            "IND-6", HARDSHIP, variant, None, (max(0, rest), part.pol), policy_id=policy_id, partial=part.partial
        )
        for variant, (rest, part) in parts.items()
    ]  # fmt: skip


def counted_figures(
    county: County, indicator: str, population: str, target: Target, pairs: dict[str, Pair | None]
) -> list[Figure]:
    """Figures of persons or households by variant; None: not known."""
    return [
        county.figure(indicator, population, variant, target, pair, counts=True)
        for variant, pair in pairs.items()
    ]


def resolution_figures(
    county: County, target: Target, units: Pair | None, excess: Pair | None
) -> list[Figure]:
    """IND-5: units resolved, and by amount."""
    return [
        county.figure("IND-5", HARDSHIP, DEFAULT, target, units, counts=True),
        county.figure("IND-5", HARDSHIP, AMOUNT, target, excess),
    ]


def insured_figures(
    county: County, target: Target | None, insured: Sums, off: Off, hardship: Sums, own: Off
) -> list[Figure]:
    """IND-4 of the insured and, judged as well, of the hardship population (A-Z02)."""
    return [
        *cost_figures(county, "IND-4", INSURED, target, insured, off),
        *cost_figures(county, "IND-4", HARDSHIP, target, hardship, own),
    ]


def notes_of_missing(county: County, missing: Sequence[tuple[str, str, str]]) -> list[Note]:
    """Notes from (indicator, why, what to do)."""
    return [
        Note(county.region_code, rule, f"{county.year}年 {rule}：{why}", todo) for rule, why, todo in missing
    ]
