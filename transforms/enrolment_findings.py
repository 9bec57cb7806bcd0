"""Gaps in cover of people on the rosters and in the register (Z-11, L-25, W-09): each with a proposal and its reason.

A finding proposes a correction; nothing in the sources is changed. Where a table did not come, what it would tell is not
judged: nobody is "not insured" because an extract is missing.
"""

from __future__ import annotations

from datetime import date

import polars as pl

NOT_INSURED, UNPAID, NOT_ACTIVE = "not_insured", "premium_unpaid", "paid_not_active"
TWICE, GAP, ELSEWHERE, DECEASED = "active_twice", "gap", "insured_elsewhere", "deceased"
WAITING, NO_ROSTER, TEMPORARY = "waiting_period", "active_no_roster", "temporary_subsidy"
GAPS = pl.Schema(
    {
        "person_key": pl.Int64, "region_code": pl.String, "township_code": pl.String, "village": pl.String,
        "year": pl.Int32, "category": pl.String, "finding": pl.String, "since": pl.Date, "suggestion": pl.String,
    }
)  # fmt: skip
CROSSING = "跨区域|跨统筹|跨省|跨市|跨县|异地转移|转移接续|关系转移|转入|转出"
OTHERS = "非个人|非因个人|不是个人|单位|政府|系统|经办|征收|税务|代办|学校|不可抗力|村社区|村居|乡镇"
OWN = "个人|本人|自行|自愿|未缴|忘"
TRANSFER, NOT_OWN, OWN_FAULT = "transfer", "not_own_fault", "own_fault"


def gap_reason(column: str) -> pl.Expr:
    """Why cover lapsed, of the wording (停保断保原因): transfer, not_own_fault, own_fault; null: not said or unclear."""
    text = pl.col(column)
    return (
        pl.when(text.str.contains(CROSSING))
        .then(pl.lit(TRANSFER))
        .when(text.str.contains(OTHERS))
        .then(pl.lit(NOT_OWN))
        .when(text.str.contains(OWN))
        .then(pl.lit(OWN_FAULT))
    )


def judged(facts: pl.DataFrame, day: date) -> pl.DataFrame:
    """GAPS of the people in `facts`, one row a person and finding.

    facts: person_key, region_code, township_code, village, category, deceased (Boolean), deceased_on, the columns of
    `enrolment.status_on`, those of `enrolment.premium_state` (null: no line), subsidised (Boolean: the ledger of the
    year names the person), enrolment_came, premium_came (Boolean: the table came for the person's region).
    """
    alive = ~pl.col("deceased").fill_null(False)
    came, premium = pl.col("enrolment_came") & alive, pl.col("premium_came") & alive
    insured, paid = pl.col("insured"), pl.col("paid").fill_null(False)
    unpaid = pl.col("unpaid").fill_null(False)
    lapsed, out = pl.col("lapsed_on").is_not_null(), came & ~insured & ~paid
    no_line = pl.col("unpaid").is_null() & ~pl.col("subsidised").fill_null(False)
    at_home = pl.col("counties").list.contains(pl.col("region_code")).fill_null(False)
    employee, resident = pl.col("employee"), pl.col("resident")
    who = pl.col("counties").list.join("、")
    begin_of_year = pl.lit(date(day.year, 1, 1))
    found = [
        (NOT_INSURED, out & ~lapsed, pl.lit(None, pl.Date), _not_insured(unpaid)),
        (GAP, out & lapsed, pl.col("lapsed_on"), _lapsed(unpaid)),
        (
            GAP,
            came & insured & pl.col("gap_from").is_not_null(),
            pl.col("gap_from"),
            pl.format(
                "断保 {} 至 {}，现已恢复；建议核实断保原因，符合条件的补记参保或免除等待期。",
                "gap_from",
                "gap_to",
            ),
        ),
        (
            UNPAID,
            premium & ~paid & unpaid & ~employee,
            pl.coalesce("unpaid_from", begin_of_year),
            pl.lit("当年居民医保保费未缴（缴费标志为未缴）；建议通知本人缴费，可资助的由认定地资助后核缴。"),
        ),
        (
            UNPAID,
            premium & came & resident & ~employee & no_line,
            begin_of_year,
            pl.lit(
                "参保状态为正常而没有当年居民缴费记录；建议核对缴费到账，未缴的通知缴费，可资助的办理资助。"
            ),
        ),
        (
            NOT_ACTIVE,
            came & ~insured & paid,
            pl.max_horizontal("paid_from", "lapsed_on"),
            pl.lit("已缴当年保费而参保状态不是正常；建议经办机构核对缴费到账后恢复参保状态，避免待遇中断。"),
        ),
        (TWICE, came & (pl.col("n_active") > 1), pl.col("second_since"), _twice(employee & resident, who)),
        (
            ELSEWHERE,
            came & insured & ~at_home & pl.col("region_code").is_not_null(),
            pl.col("active_since"),
            pl.format(
                "参保地为 {}，不在认定地；建议核对是否需要转移参保关系，封顶制只计在本区参保期间的费用，资助参保由认定地负责。",
                who,
            ),
        ),
        (
            DECEASED,
            pl.col("enrolment_came") & ~alive & insured,
            pl.col("deceased_on"),
            pl.lit("已登记死亡而参保状态仍为正常；建议核对死亡信息后办理终止参保。"),
        ),
    ]
    rows = [
        facts.filter(which.fill_null(False)).select(
            *BASE, finding=pl.lit(name), since=since.cast(pl.Date), suggestion=suggestion
        )
        for name, which, since, suggestion in found
    ]
    return gaps(pl.concat([row.with_columns(year=pl.lit(day.year, pl.Int32)) for row in rows]))


BASE = ["person_key", "region_code", "township_code", "village", "category"]


def gaps(rows: pl.DataFrame) -> pl.DataFrame:
    """GAPS in their order, one row a person and finding: the first one named."""
    return (
        rows.select(GAPS.names())
        .cast(GAPS)
        .unique(["person_key", "finding"], keep="first", maintain_order=True)
        .sort("region_code", "person_key", "finding", nulls_last=True)
    )


def _not_insured(unpaid: pl.Expr) -> pl.Expr:
    return (
        pl.when(unpaid)
        .then(pl.lit("没有有效参保记录，当年保费未缴；建议动员参保，可资助的由认定地资助参保。"))
        .otherwise(
            pl.lit(
                "没有有效参保记录，也没有当年缴费；建议核对身份证号，确未参保的动员参保，可资助的由认定地资助。"
            )
        )
    )


def _lapsed(unpaid: pl.Expr) -> pl.Expr:
    return (
        pl.when(unpaid)
        .then(
            pl.format("自 {} 起断保，当年保费未缴；建议尽快缴费续保，可资助的由认定地资助参保。", "lapsed_on")
        )
        .otherwise(pl.format("自 {} 起断保；建议核实停保原因并办理续保或关系转移接续。", "lapsed_on"))
    )


def _twice(both: pl.Expr, who: pl.Expr) -> pl.Expr:
    return (
        pl.when(both)
        .then(
            pl.lit("职工医保和居民医保同时为正常；建议保留职工医保、暂停居民医保，已缴居民保费按规定处理。")
        )
        .otherwise(
            pl.format(
                "同一时期有两条正常参保（{}）；建议核实后只保留一处，通常保留实际缴费和居住的一处。", who
            )
        )
    )


def wrongly_waiting(rejections: pl.DataFrame, days: pl.DataFrame, first_day: date) -> pl.DataFrame:
    """Refusals for a waiting period that should not apply (W-11): person_key, since, reason, n_rows, amount_fen.

    rejections: rows with person_key, rejected_on, gap_reason (wording), amount_fen. days: person_key, valid_from, valid_to
    of the people whom the article means. reason: transfer, not_own_fault; null: the list does not say, so a person has to
    look; own_fault is no row. first_day: the article's date of effect.
    """
    meant = (
        rejections.filter(pl.col("rejected_on") >= first_day)
        .with_row_index("_no")
        .join(days, on="person_key")
        .filter(pl.col("rejected_on").is_between("valid_from", "valid_to"))
        .unique("_no", keep="first", maintain_order=True)
    )
    return (
        meant.with_columns(reason=gap_reason("gap_reason"))
        .filter(pl.col("reason").ne_missing(pl.lit(OWN_FAULT)))
        .group_by("person_key", "reason")
        .agg(
            since=pl.col("rejected_on").min(),
            n_rows=pl.len().cast(pl.Int64),
            amount_fen=pl.when(pl.col("amount_fen").is_not_null().all()).then(pl.col("amount_fen").sum()),
        )
        .sort("person_key", "reason", nulls_last=True)
    )


def waiting_suggestion() -> pl.Expr:
    """The proposal for a refusal that should not have been."""
    why = (
        pl.when(pl.col("reason") == TRANSFER)
        .then(pl.lit("跨区域转移接续"))
        .otherwise(pl.lit("非因个人原因停保断保"))
    )
    return pl.format(
        "因等待期被拒付 {} 笔，停保断保原因是{}，原则上不设等待期；建议经办机构取消等待期并重新结算。",
        "n_rows",
        why,
    )


def temporary_candidates(members: pl.DataFrame, ages: tuple[int, int] | None, year: int) -> pl.DataFrame:
    """Members of households that may get a temporary premium subsidy (W-10): person_key, because.

    members: person_key, household_id, relative (Boolean: the person holds 相对低收入家庭), ill (Boolean), birth_year,
    employee (Boolean). ages: (lowest age of 一老, first age that is no longer 一小), None: not confirmed, so not looked at.
    Only the calendar year of birth is known, so an age is that reached in the year.
    """
    age = year - pl.col("birth_year")
    old = (age >= ages[0]).fill_null(False) if ages else pl.lit(False)
    young = (age < ages[1]).fill_null(False) if ages else pl.lit(False)
    marked = members.with_columns(_old=old, _young=young).with_columns(
        _home=pl.col("relative").any().over("household_id"),
        _ill=pl.col("ill").any().over("household_id"),
        _aged=pl.col("_old").any().over("household_id"),
        _small=pl.col("_young").any().over("household_id"),
    )
    because = pl.concat_str(
        [
            pl.when("_ill").then(pl.lit("家中有因病陷入困境的成员")),
            pl.when("_aged").then(pl.lit("家有老人")),
            pl.when("_small").then(pl.lit("家有幼儿")),
        ],
        separator="、",
        ignore_nulls=True,
    )
    chosen = (
        pl.col("_home")
        & (pl.col("_ill") | pl.col("_aged") | pl.col("_small"))
        & ~pl.col("employee").fill_null(False)
    )
    return (
        marked.filter(chosen)
        .select("person_key", because=because)
        .unique("person_key", keep="first", maintain_order=True)
        .sort("person_key")
    )
