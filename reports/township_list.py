"""Township lists (预警名单): the open cases of a township's own people, to be visited, filled in and sent back.

One row a case. The full list is as of its day of issue; what became over or severe since stands on 新增. A case keeps its
number in every issue, so an answer to an earlier one is as good.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from reports.issue import issue_of
from reports.payment_list import township_name
from reports.words import UNKNOWN_TOWNSHIP
from reports.workbook import Field, Sheet
from transforms.cases import FINISHED, OUTCOMES

FULL, NEW = "预警名单", "新增"
HELP = ("医疗救助", "封顶化解", "临时救助", "慈善帮扶", "补充保险理赔", "政策宣传", "其他")
ANSWERS = (
    Field("走访日期", "", "date", 10),
    Field("走访人", "", "long", 7.5),
    Field("核实结果", "", "long", 8, choices=OUTCOMES),
    Field("帮扶措施", "", "long", 9, choices=HELP, strict=False),
    Field("帮扶金额", "", "money", 9),
    Field("办结日期", "", "date", 10),
)
FIELDS = (
    Field("预警编号", "warning_id", width=17),
    Field("村社区", "village", "long", 8.5),
    Field("姓名", "name", "long", 7.5),
    Field("身份证号", "certno", width=20),
    Field("电话", "phone", width=12.5),
    Field("住址", "address", "long", 14),
    Field("为什么", "why", "long", 34),
    Field("可享受而未享受", "entitled", "long", 16),
    Field("上次走访", "visited_on", "date", 10),
    *ANSWERS,
    Field("期号", "issue_no", "long", 11.5),
)
INSURED = Field("参保地", "insured_at", "long", 9)
HOW = "填写走访日期、走访人、核实结果、帮扶措施、帮扶金额、办结日期后原表退回；请不要改动其他各列，不要删行。"


@dataclass(frozen=True)
class Issue:
    """An issue of the lists: its day, the day of the last full list of each county (default: the day itself), and the
    people whose data may not be passed on without their consent.
    """

    on: date
    full_on: Mapping[str, date] = field(default_factory=dict)
    withheld: frozenset[str] = frozenset()

    def full(self, region: str) -> date:
        """The day of the full list that a county works with."""
        return self.full_on.get(region, self.on)


def case_rows(
    cases: pl.DataFrame,
    reasons: pl.DataFrame,
    entitled: pl.DataFrame,
    people: pl.DataFrame,
    townships: Mapping[str, str],
    regions: Mapping[str, str],
    issue: Issue,
) -> pl.DataFrame:
    """One row per case of the issue: the columns of FIELDS but 期号, `sheet`, `township_code`, `township`.

    `cases`: mart.warning with keys as texts; `reasons`: household_id, year, text (how the family stands to its cap);
    `entitled`: reports.entitled.ENTITLED; `people`: the vault's.
    """
    listed = cases.filter(
        ~pl.col("status").is_in(FINISHED) & ~pl.col("person_key").is_in(list(issue.withheld))
    ).with_columns(full_on=full_days(issue))
    at_once = pl.max_horizontal("over_since", "opened_on")
    listed = listed.with_columns(
        sheet=pl.when(pl.col("first_seen") <= pl.col("full_on"))
        .then(
            pl.when((at_once > pl.col("full_on")).fill_null(False)).then(pl.lit(NEW)).otherwise(pl.lit(FULL))
        )
        .when(pl.col("level").is_in(["over", "severe"]) | pl.col("opened_on").is_not_null())
        .then(pl.lit(NEW))
    ).drop_nulls("sheet")
    expected = pl.max_horizontal("forecast_fen", "measure_fen") / pl.col("threshold_fen")
    joined = (
        listed.join(_all_reasons(cases, reasons), on="warning_id", how="left")
        .join(_all_entitled(listed, entitled), on="warning_id", how="left")
        .join(people.rename({"name": "full_name"}), on="person_key", how="left")
        .with_columns(
            name="full_name",
            township=township_name(townships),
            insured_at=pl.col("region_code").replace_strict(
                dict(regions), default=pl.col("region_code"), return_dtype=pl.String
            ),
            urgency=expected.max().over("person_key", "year"),
        )
    )
    order = ["township_code", "sheet", "urgency", "person_key", "rule_id", "year", "warning_id"]
    return joined.sort(order, descending=[False, False, True, *[False] * 4], nulls_last=True)


def full_days(issue: Issue) -> pl.Expr:
    """The day of the full list that the county of a row works with."""
    return pl.col("region_code").replace_strict(
        dict(issue.full_on), default=pl.lit(issue.on), return_dtype=pl.Date
    )


def _all_reasons(cases: pl.DataFrame, reasons: pl.DataFrame) -> pl.DataFrame:
    """warning_id, why: the case's own reason, then those of the person's other cases of the year and of the family."""
    live = cases.filter(pl.col("status") != "withdrawn").select(
        "person_key", "year", "rule_id", other="reason"
    )
    own = cases.select("warning_id", "person_key", "household_id", "year", "rule_id", "reason")
    others = (
        own.join(live, on=["person_key", "year"], suffix="_other")
        .filter(pl.col("rule_id") != pl.col("rule_id_other"))
        .sort("warning_id", "rule_id_other")
        .group_by("warning_id", maintain_order=True)
        .agg(pl.col("other").str.join("；"))
    )
    family = (
        own.join(reasons, on=["household_id", "year"])
        .sort("warning_id", "text")
        .group_by("warning_id", maintain_order=True)
        .agg(family=pl.lit("所在家庭：") + pl.col("text").str.join("；"))
    )
    every = own.join(others, on="warning_id", how="left").join(family, on="warning_id", how="left")
    sentence = pl.concat_str(["reason", "other", "family"], separator="；", ignore_nulls=True) + "。"
    return every.select("warning_id", why=sentence)


def _all_entitled(cases: pl.DataFrame, entitled: pl.DataFrame) -> pl.DataFrame:
    """warning_id, entitled: everything that the person or the family may claim and has not received, joined."""
    own = cases.select("warning_id", "person_key", "household_id")
    facts = entitled.select("person_key", "household_id", "year", "rule_id", "text")
    by_person = own.join(facts.drop("household_id"), on="person_key").drop("household_id")
    family = facts.filter(pl.col("person_key").is_null()).drop("person_key")
    by_family = own.join(family, on="household_id").drop("household_id")
    labelled = pl.format("{}年度{}", "year", "text")
    return (
        pl.concat([by_person, by_family.select(by_person.columns)])
        .with_columns(labelled.alias("line"))
        .unique(["warning_id", "line"])
        .sort("warning_id", "year", "rule_id", "line")
        .group_by("warning_id", maintain_order=True)
        .agg(entitled=pl.col("line").str.join("；"))
    )


def numbered(rows: pl.DataFrame, issue: Issue, why_keys: pl.Series) -> pl.DataFrame:
    """`rows` with 期号: issue, row and rows of its sheet, and a check of the reason. `why_keys`: keyed hashes of why."""
    place = pl.int_range(1, pl.len() + 1).over("township_code", "sheet")
    counted = rows.with_columns(place=place, total=pl.len().over("township_code", "sheet"), why_key=why_keys)
    day = pl.when(pl.col("sheet") == NEW).then(pl.lit(issue.on)).otherwise("full_on")
    kind = pl.when(pl.col("sheet") == NEW).then(pl.lit("X")).otherwise(pl.lit(""))
    named = counted.select(day.dt.strftime("%Y%m%d") + kind, "place", "total", "why_key")
    texts = [issue_of(*row) for row in named.iter_rows()]
    return counted.with_columns(issue_no=pl.Series(texts, dtype=pl.String))


def township_books(
    rows: pl.DataFrame, withdrawn: pl.DataFrame, issue: Issue
) -> Iterator[tuple[str, list[Sheet]]]:
    """File name and sheets of each township with somebody to visit, in the order of the codes; unknown ones last.

    `withdrawn`: township_code, township, warning_id, full_on of cases withdrawn since the last full list: a township is
    told even where it has nobody else.
    """
    places = pl.concat([frame.select("township_code", "township", "full_on") for frame in (rows, withdrawn)])
    latest = places.group_by("township_code", "township").agg(pl.col("full_on").max())
    for code, name, full in latest.sort("township_code", nulls_last=True).iter_rows():
        label = f"{code}_{name}" if code else UNKNOWN_TOWNSHIP
        fields: Sequence[Field] = FIELDS if code else (*FIELDS, INSURED)
        part = rows.filter(pl.col("township_code").eq_missing(code))
        gone = withdrawn.filter(pl.col("township_code").eq_missing(code))["warning_id"].to_list()
        yield (
            f"{label}_预警名单.xlsx",
            [
                _sheet(FULL, f"{name}预警名单（{full}期）", fields, part, gone),
                _sheet(NEW, f"{name}预警名单 新增（{issue.on}）", fields, part, ()),
            ],
        )


def _sheet(name: str, title: str, fields: Sequence[Field], part: pl.DataFrame, gone: Sequence[str]) -> Sheet:
    rows = part.filter(pl.col("sheet") == name)
    closing = ["", HOW] if rows.height else ["", f"本期没有{name}的预警。"]
    if gone:
        closing.append(f"下列预警已撤销，不必再走访：{'、'.join(gone)}。")
    return Sheet(name, title, fields, rows, closing=closing, closing_at=1)
