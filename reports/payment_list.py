"""Payment lists (给付名单): who is to be paid how much into which account, by rule, region and cost year.

Only confirmed lines are paid; what waits for a decision stands on 待确认, what was paid too much on 应退.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from reports.capitals import capitals
from reports.words import CATEGORIES, UNIT_TYPES, UNKNOWN_TOWNSHIP, worded, yuan
from reports.workbook import Field, Sheet
from transforms.rules.readings import INFORMING

PAY, CONFIRM, RETURN = "给付名单", "待确认", "应退"
WAITING = ("due", "review", "adjust_up")
ASSESSED = ("incomplete", "review", "adjust_up", "adjust_down", "paid", "within", "confirmed", "due")
FIELDS = (
    Field("序号", "number", "count", 5),
    Field("乡镇街道", "township", "long", 11.5),
    Field("村社区", "village", "long", 8.5),
    Field("对象类型", "unit_kind", width=6),
    Field("户主/本人姓名", "name", "long", 8),
    Field("身份证号", "certno", width=20),
    Field("救助类别", "category_zh", "long", 9),
    Field("费用年度", "cost_year", "count", 6),
    Field("合理医疗费用", "burden_fen", "money", 11),
    Field("封顶线", "cap_fen", "money", 10),
    Field("应付", "amount_fen", "money", 11),
    Field("已付", "paid_fen", "money", 10),
    Field("本次应付", "due_fen", "money", 11),
    Field("收款户名", "holder_name", "long", 8),
    Field("开户银行", "bank", "long", 12),
    Field("账号", "account", width=22),
    Field("依据条款", "basis", "long", 13),
    Field("待遇编号", "benefit_id", width=17),
    Field("备注", "remark", "long", 20),
)
PUBLIC_FIELDS = (
    Field("序号", "number", "count", 6),
    Field("乡镇街道", "township", width=16),
    Field("村社区", "village", width=16),
    Field("姓名", "head_name_masked", width=14),
    Field("救助类别", "category_zh", width=18),
    Field("费用年度", "cost_year", "count", 10),
    Field("金额", "due_fen", "money", 16),
)
SIGNATURES = (
    "制表：　　　　　　　　审核：　　　　　　　　负责人：　　　　　　　　日期：　　　　年　　月　　日"
)


def payment_rows(
    units: pl.DataFrame,
    lines: pl.DataFrame,
    reviews: pl.DataFrame,
    people: pl.DataFrame,
    payees: pl.DataFrame,
    townships: Mapping[str, str],
    on: date,
    documents: Mapping[str, str],
) -> pl.DataFrame:
    """Every unit with something to pay or to return: the columns of FIELDS, `sheet` (PAY, CONFIRM or RETURN).

    A unit is a household or person of the year, or a single visit (visit_id). One on a closed list (closed_fen) keeps what that list has, and stands with the difference in a row of its own.

    `units` are `cap_gap` rows with `head_person_key` as text, `lines` benefit lines, `reviews` review cases, `people`
    and `payees` the vault's (`person_key` as text); `documents` name the policies (L → 临政办〔2024〕1号). Amounts are fen.
    """
    if "visit_id" not in units.columns:
        units = units.with_columns(visit_id=pl.lit(None, pl.String))
    listed = pl.concat([_promised(units), _owed(units)])
    document = pl.col("policy_version").str.split("@").list.first()
    named = document.replace_strict(dict(documents), default=pl.col("policy_version"), return_dtype=pl.String)
    basis = lines.select(
        "benefit_id", pl.concat_str([named, "article"], separator=" ", ignore_nulls=True).alias("basis")
    ).unique("benefit_id")
    rows = (
        listed.join(basis, on="benefit_id", how="left")
        .join(_readings(reviews), on="benefit_id", how="left")
        .join(people, left_on="head_person_key", right_on="person_key", how="left")
        .join(accounts(listed, payees, on), on="unit_id", how="left")
        .with_columns(
            pl.coalesce("name", "head_name_masked").alias("name"),
            township_name(townships).alias("township"),
            worded("category", CATEGORIES).alias("category_zh"),
            worded("unit_type", UNIT_TYPES).alias("unit_kind"),
        )
        .with_columns(_remark(on).alias("remark"))
    )
    order = [
        "rule_id",
        "region_code",
        "cost_year",
        "sheet",
        "township_code",
        "village",
        "household_id",
        "unit_id",
        "benefit_id",
        "is_promised",
    ]
    return rows.sort(order, nulls_last=True)


def _owed(units: pl.DataFrame) -> pl.DataFrame:
    """What is owed beyond what was paid or stands on a closed list: due_fen, sheet."""
    paid = pl.max_horizontal(pl.col("paid_fen").fill_null(0), pl.col("closed_fen").fill_null(0))
    confirmed = (pl.col("status") == "confirmed") | pl.col("confirmed").fill_null(False)
    sheet = (
        pl.when(pl.col("due_fen") < 0)
        .then(pl.lit(RETURN))
        .when((pl.col("due_fen") > 0) & confirmed & pl.col("status").is_in(["confirmed", "adjust_up"]))
        .then(pl.lit(PAY))
        .when((pl.col("due_fen") > 0) & pl.col("status").is_in(WAITING))
        .then(pl.lit(CONFIRM))
    )
    owed = units.with_columns(due_fen=pl.col("amount_fen") - paid, is_promised=pl.lit(False))
    return owed.with_columns(sheet=sheet).filter(pl.col("sheet").is_not_null())


def _promised(units: pl.DataFrame) -> pl.DataFrame:
    """What a closed list has and was not paid yet: the same columns, with the amount of that list."""
    due = pl.col("closed_fen") - pl.col("paid_fen").fill_null(0)
    return units.filter(due > 0).with_columns(
        due_fen=due, amount_fen="closed_fen", is_promised=pl.lit(True), sheet=pl.lit(PAY)
    )


def township_name(townships: Mapping[str, str]) -> pl.Expr:
    """The name of a row's township; its code where the name is not known."""
    code = pl.col("township_code")
    return code.replace_strict(dict(townships), default=code, return_dtype=pl.String).fill_null(
        UNKNOWN_TOWNSHIP
    )


def accounts(units: pl.DataFrame, payees: pl.DataFrame, on: date) -> pl.DataFrame:
    """One row per unit with valid accounts on a day: unit_id, n_accounts, and the account where it is the only one.

    An account of the household or of its head counts. Two different ones are not chosen between.
    """
    valid = payees.filter(
        (pl.col("valid_from").is_null() | (pl.col("valid_from") <= on))
        & (pl.col("valid_to").is_null() | (pl.col("valid_to") >= on))
    ).select("household_id", "person_key", "holder_name", "bank", "account")
    by_household = units.select("unit_id", "household_id").join(
        valid.drop("person_key"), on="household_id", how="inner"
    )
    by_person = units.select("unit_id", pl.col("head_person_key").alias("person_key")).join(
        valid.drop("household_id"), on="person_key", how="inner"
    )
    columns = ["unit_id", "holder_name", "bank", "account"]
    found = pl.concat([by_household.select(columns), by_person.select(columns)]).unique()
    only = pl.len() == 1
    return found.group_by("unit_id").agg(
        pl.len().alias("n_accounts"),
        *(pl.when(only).then(pl.col(name).first()).alias(name) for name in columns[1:]),
    )


def _readings(reviews: pl.DataFrame) -> pl.DataFrame:
    """One row per benefit with other readings that a person must choose from: benefit_id, what they would give."""
    asking = reviews.filter(~pl.col("reading_key").is_in(list(INFORMING)))
    ordered = asking.sort("benefit_id", "reading_key", "reading")
    other = pl.col("amount_fen").map_elements(yuan, return_dtype=pl.String).fill_null("未定")
    text = pl.concat_str([pl.col("reading_key"), pl.lit("("), pl.col("reading"), pl.lit(")："), other])
    return ordered.group_by("benefit_id", maintain_order=True).agg(
        text.str.join("，").alias("other_readings")
    )


def _remark(on: date) -> pl.Expr:
    """What the payer must know: death, a child, no account or several, another reading, a closed list, a decision."""
    born = pl.coalesce(
        pl.col("certno").str.extract(r"^\d{6}(\d{8})[\dX]{4}$").cast(pl.Int64, strict=False),
        pl.col("birth_year").cast(pl.Int64) * 10_000 + 101,
    )
    today = on.year * 10_000 + on.month * 100 + on.day
    open_reading = pl.col("needs_review") | pl.col("decision").is_null()
    died = pl.col("deceased_on")
    notes = (
        pl.format("结算 {}", "visit_id"),
        pl.when((died <= on) | (died.is_null() & pl.col("deceased"))).then(pl.lit("死亡")),
        pl.when(today - born < 180_000).then(pl.lit("未成年")),
        pl.when(pl.col("n_accounts").is_null()).then(pl.lit("无账户")),
        pl.when(pl.col("n_accounts") > 1).then(pl.lit("多账户")),
        pl.when(pl.col("other_readings").is_not_null() & open_reading).then(
            pl.lit("读法待定 ") + pl.col("other_readings")
        ),
        pl.when("is_promised").then(pl.lit("名单已封存")),
        pl.when(~pl.col("is_promised") & (pl.col("closed_fen") > 0)).then(pl.lit("封存后的变化")),
        pl.when(pl.col("decision") != "确认").then("decision"),
    )
    return pl.concat_str(notes, separator="；", ignore_nulls=True)


def payment_sheets(rows: pl.DataFrame, title: str) -> list[Sheet]:
    """The three sheets of one list; `rows` belong to one rule, region and cost year."""
    closing = {PAY: "给付", CONFIRM: "待确认", RETURN: "应退"}
    sheets = []
    for name, word in closing.items():
        part = _numbered(rows.filter(pl.col("sheet") == name))
        total = int(part["due_fen"].sum())
        figure = abs(total)
        ending = (f"{word}合计：{yuan(figure)} 元　　大写：{capitals(figure)}", "", SIGNATURES)
        sheets.append(Sheet(name, f"{title}{name}", FIELDS, part, _totals(part), ending))
    return sheets


def _numbered(part: pl.DataFrame) -> pl.DataFrame:
    return part.with_columns(pl.int_range(1, pl.len() + 1).alias("number"))


def _totals(part: pl.DataFrame) -> dict[str, int]:
    return {title: int(part[source].sum()) for title, source in TOTALLED.items()}


TOTALLED = {"应付": "amount_fen", "已付": "paid_fen", "本次应付": "due_fen"}


def public_sheets(rows: pl.DataFrame, title: str) -> list[Sheet]:
    """The list to be posted (公示): masked names, category, amount; confirmed lines, and those that wait apart."""
    sheets = []
    for source, name in ((PAY, "公示"), (CONFIRM, CONFIRM)):
        part = _numbered(rows.filter(pl.col("sheet") == source))
        sheets.append(
            Sheet(
                name,
                f"{title}{name}",
                PUBLIC_FIELDS,
                part,
                {"金额": int(part["due_fen"].sum())},
                _posted(name),
            )
        )
    return sheets


def _posted(name: str) -> Sequence[str]:
    return ("尚未确认，不得张贴。",) if name == CONFIRM else ()
