"""Medical assistance (医疗救助, 彭水府办发〔2023〕52号 二(三)1、2): what each visit of an object is due.

Special disease: rate × R0 from the first fen. Other diseases: a stay at a high enough level whose gross policy-range
cost exceeds the gate. R0 = POL − BAS − CII − LRG, floored at 0, deductibles inside. Each has its annual account.
Not referred: nothing. A fact that is unknown holds the line: its amount is empty, never 0. All amounts in fen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from transforms.rules import relief_accounts
from transforms.rules.assistance_facts import Facts, Given, categories
from transforms.rules.relief_accounts import INPATIENT, NONE, SPECIAL
from transforms.rules.tilt import with_tilt, with_tilt_result
from transforms.spans import below

if TYPE_CHECKING:
    from schemas.assistance import Assistance, Terms

NO_LIST = "特殊疾病清单未提供，不能确定病种"
NO_KIND = "医疗类别不在代码表中"
NO_POL = "政策范围内费用不明"
NO_LEVEL = "医疗机构级别不明"
NO_REFERRAL = "转诊情况不明"
NO_FUNDS = "基本医保、大病保险等支付不明"
NOT_REFERRED = "未按规定转诊，不纳入救助"


def due(found: Facts, given: Given, assistance: Assistance, readings: dict[str, str]) -> pl.DataFrame:
    """Visits with ma_fen and tilt_fen (null: held) and how they came about under these readings.

    Adds category, account, special_line, inpatient_line, ma_reason (why held), ma_known, tilt_line, tilt_reason,
    the columns of `relief_accounts.RESULTS`, and segment (which terms hold).
    """
    termed = with_terms(categories(found.visits, given, assistance, readings), assistance)
    judged = relief_accounts.with_decided(with_assistance(_under(termed, readings), assistance, readings))
    tilted = relief_accounts.with_decided_tilt(with_tilt(judged, assistance, readings))
    walked = relief_accounts.walked(tilted, opening(given, assistance), readings)
    known = walked.with_columns(
        ma_fen=pl.when("ma_known").then("ma_fen"),
        ma_after_fen=pl.when("ma_known").then("ma_after_fen"),
        r1_fen=pl.when(pl.col("ma_known") & pl.col("r0_fen").is_not_null()).then("r1_fen"),
    )
    return relief_accounts.with_decided_lines(with_tilt_result(known, assistance))


def _under(visits: pl.DataFrame, readings: dict[str, str]) -> pl.DataFrame:
    """R0, disease and referral under the readings; raw_r0_fen is POL − BAS − CII − LRG before the floor."""
    base = pl.col("r0_fen")
    if readings.get("A-P11") == "b":
        base = base - pl.col("extra_fen")
    if readings.get("A-P12") == "b":
        base = base - pl.col("acct_fen")
    special = pl.col("special")
    match readings.get("A-P09", "a"):
        case "b":
            special = special.any().over("person_key") | special
        case "c":
            special = special & ~pl.col("by_diagnosis")
    stand = {"a": {"unknown": "local"}, "b": {"unknown": "not_referred", "emergency": "not_referred"}}
    referral = pl.col("referral").replace(stand.get(readings.get("A-P17", "c"), {}))
    return visits.with_columns(
        raw_r0_fen=pl.col("r0_fen"),
        r0_fen=base.clip(lower_bound=0),
        upper_fen=pl.coalesce(base, "upper_fen").clip(lower_bound=0),
        special=special,
        referral=referral,
    )


def with_terms(visits: pl.DataFrame, assistance: Assistance) -> pl.DataFrame:
    """Adds the figures of the visit's date and category; eligible: in force, an object, designated where asked."""
    day = pl.col("visit_date")
    segment = pl.lit(None, pl.Int32)
    inside = pl.lit(False)
    for number, terms in enumerate(assistance.terms):
        holds = day.is_between(terms.valid_from, terms.valid_to)
        segment = pl.when(holds).then(pl.lit(number, pl.Int32)).otherwise(segment)
        there = pl.any_horizontal([below("place", code) for code in terms.inside] or [pl.lit(False)])
        inside = pl.when(holds).then(there).otherwise(inside)
    known_place = pl.when(pl.col("place").is_not_null()).then(inside)
    figures = terms_frame(assistance)
    joined = visits.with_columns(segment=segment, inside=known_place).join(
        figures, on=["segment", "category"], how="left", maintain_order="left"
    )
    allowed = pl.col("designated").fill_null(True) | ~pl.col("designated_only").fill_null(True)
    return joined.with_columns(
        in_force=pl.col("segment").is_not_null() & pl.col("category").is_not_null(), allowed=allowed
    ).with_columns(eligible=pl.col("in_force") & allowed)


def terms_frame(assistance: Assistance) -> pl.DataFrame:
    """One row a span of terms and category; a rate that a rule does not have for a category is null."""
    rows = [
        _figures(number, terms, code)
        for number, terms in enumerate(assistance.terms)
        for code in assistance.categories
    ]
    return pl.DataFrame(rows, schema=FIGURES)


FIGURES = pl.Schema(
    {"segment": pl.Int32, "category": pl.String, "designated_only": pl.Boolean, "inpatient_only": pl.Boolean,
     "min_level": pl.Int32}
    | dict.fromkeys(
        ("special_numerator", "special_denominator", "inpatient_numerator", "inpatient_denominator", "gate_fen",
         "limit_special_fen", "limit_inpatient_fen", "limit_tilt_fen", "tilt_numerator", "tilt_denominator",
         "tilt_threshold_fen", "deductible_fen", "cut_numerator", "cut_denominator"), pl.Int64,
    )
)  # fmt: skip


def _figures(number: int, terms: Terms, code: str) -> dict[str, object]:
    special, inpatient, tilt = (
        rates.get(code) for rates in (terms.special_rate, terms.inpatient_rate, terms.tilt_rate)
    )
    threshold = terms.tilt_threshold_fen.get(code)
    return {
        "segment": number,
        "category": code,
        "designated_only": terms.designated_only,
        "inpatient_only": terms.inpatient_only,
        "min_level": terms.min_level,
        "special_numerator": special.numerator if special is not None else None,
        "special_denominator": special.denominator if special is not None else None,
        "inpatient_numerator": inpatient.numerator if inpatient is not None else None,
        "inpatient_denominator": inpatient.denominator if inpatient is not None else None,
        "gate_fen": terms.gate_fen,
        "limit_special_fen": terms.special_limit_fen,
        "limit_inpatient_fen": terms.inpatient_limit_fen,
        "limit_tilt_fen": terms.tilt_limit_fen,
        "tilt_numerator": tilt.numerator if tilt is not None and threshold is not None else None,
        "tilt_denominator": tilt.denominator if tilt is not None and threshold is not None else None,
        "tilt_threshold_fen": threshold,
        "deductible_fen": terms.deductible_fen,
        "cut_numerator": terms.not_referred_rate.numerator,
        "cut_denominator": terms.not_referred_rate.denominator,
    }


def with_assistance(visits: pl.DataFrame, assistance: Assistance, readings: dict[str, str]) -> pl.DataFrame:
    """Adds which line a visit has (special_line, inpatient_line), why it is held, and what the account needs."""
    has_special, has_inpatient = (
        pl.col(f"{name}_numerator").is_not_null() for name in ("special", "inpatient")
    )
    special = pl.col("special") if "assistance_special" in assistance.rules else pl.lit(False)
    kind = pl.col("inpatient") | ~pl.col("inpatient_only")
    high = pl.col("level") >= pl.col("min_level")
    gate = _gate(assistance, readings)
    fits = (kind & high & gate).fill_null(True)
    rows = visits.with_columns(
        special_line=(pl.col("eligible") & has_special & special.fill_null(True)).fill_null(False),
        inpatient_line=(pl.col("eligible") & has_inpatient & (~special).fill_null(True) & fits).fill_null(
            False
        ),
    )
    line, unsure = pl.col("special_line") | pl.col("inpatient_line"), pl.col("inpatient_line")
    cut = pl.col("referral") == "not_referred"
    nothing = cut & (pl.col("cut_numerator") == 0)
    reason = (
        pl.when(~line)
        .then(None)
        .when(special.is_null())
        .then(pl.lit(NO_LIST))
        .when(pl.col("inpatient").is_null())
        .then(pl.lit(NO_KIND))
        .when(unsure & gate.is_null())
        .then(pl.lit(NO_POL))
        .when(unsure & high.is_null())
        .then(pl.lit(NO_LEVEL))
        .when(nothing)
        .then(None)
        .when(pl.col("referral") == "unknown")
        .then(pl.lit(NO_REFERRAL))
        .when(pl.col("pol_fen").is_null())
        .then(pl.lit(NO_POL))
        .when(pl.col("r0_fen").is_null())
        .then(pl.lit(NO_FUNDS))
    )
    special_first = pl.col("special_line")
    numerator, denominator = (
        pl.when(special_first).then(f"special_{part}").otherwise(f"inpatient_{part}")
        for part in ("numerator", "denominator")
    )
    base = pl.col("r0_fen").fill_null(0)
    above = (base - pl.col("gate_fen")).clip(lower_bound=0)
    whole = (
        pl.when(unsure & ~special_first).then(above).otherwise(base) if readings.get("A-P08") == "b" else base
    )
    return rows.with_columns(
        ma_reason=reason,
        account=pl.when(special_first)
        .then(SPECIAL)
        .when(unsure)
        .then(INPATIENT)
        .otherwise(NONE)
        .cast(pl.Int64),
        ma_base_fen=whole,
        ma_numerator=(numerator * pl.when(cut).then("cut_numerator").otherwise(1)).fill_null(0),
        ma_denominator=(denominator * pl.when(cut).then("cut_denominator").otherwise(1)).fill_null(1),
    ).with_columns(
        ma_known=pl.col("ma_reason").is_null(),
        ma_possible_fen=pl.when(pl.col("ma_reason").is_not_null())
        .then(pl.col("upper_fen") * pl.col("ma_numerator") // pl.col("ma_denominator") + 1)
        .otherwise(0),
    )


def _gate(assistance: Assistance, readings: dict[str, str]) -> pl.Expr:
    """Does the stay pass the gate (超过3万元)? Null where the measure is unknown and could pass it."""
    rule = assistance.rules.get("assistance_inpatient")
    measure = {"a": "pol_fen", "b": "tot_fen", "c": "r0_fen"}[readings.get("A-P07", "a")]
    value, whole, gate = pl.col(measure), pl.col("tot_fen"), pl.col("gate_fen")
    inclusive = rule is not None and rule.inclusive
    passed = value >= gate if inclusive else value > gate
    cannot = whole < gate if inclusive else whole <= gate
    return pl.when(value.is_not_null()).then(passed).when(cannot).then(pl.lit(False))


def opening(given: Given, assistance: Assistance) -> pl.DataFrame:
    """person_key, special_fen, inpatient_fen, tilt_fen: what was used of each account before (已用额度).

    Of several balances of one person, year and account the latest (截至日期) counts.
    """
    accounts = {"特殊疾病": "special_fen", "大额住院": "inpatient_fen", "倾斜": "tilt_fen"}
    year = assistance.terms[0].valid_from.year
    rows = (
        given.opening.filter((pl.col("year") == year) & pl.col("account").is_in(list(accounts)))
        .sort("person_key", "account", "as_of", "amount_fen")
        .unique(["person_key", "account"], keep="last", maintain_order=True)
    )
    columns = [
        pl.col("amount_fen").filter(pl.col("account") == name).sum().alias(column)
        for name, column in accounts.items()
    ]
    return rows.group_by("person_key", maintain_order=True).agg(columns)
