"""Monthly rosters under a policy that sets a date for them (P-29 … P-32): what was due, what came, what is wrong."""

from __future__ import annotations

from datetime import date

import polars as pl

from flows.configuration import Configuration
from flows.rosters import category_names
from flows.year import Tables, Year
from schemas.calendar import CalendarError, WorkingCalendar, working_calendar
from schemas.policy import PolicyRule, roster_senders
from stores import lake
from transforms import places, roster_lists
from transforms.roster_rows import month_of, number_of

DUE = pl.Schema(
    {
        "county_code": pl.String, "department": pl.String, "code": pl.String, "list_kind": pl.String, "_month": pl.Date,
        "due_on": pl.Date, "strict_due_on": pl.Date,
    }
)  # fmt: skip
FINDING = pl.Schema(
    {
        "region_code": pl.String, "month": pl.Int32, "rule_id": pl.String, "person_key": pl.Int64, "finding": pl.String,
        "n_rows": pl.Int64, "suggestion": pl.String, "file_id": pl.String, "department": pl.String, "code": pl.String,
    }
)  # fmt: skip
SEND = "请向该部门催收，或请其说明当月没有该类对象。"
MEND = "请该部门核对名单，在下一份名单中更正，或补送新增、减少名单。"


def roster_delivery(year: Year, tables: Tables) -> Tables:
    """Rows of `mart.roster_delivery` and what is wrong with the deliveries (`mart.roster_finding`)."""
    calendar = working_calendar(year.configuration.reference["working_calendar"])
    counties = with_lists(year)
    due, problems = due_lists(year, calendar, counties)
    listed = year.rosters.listed.join(due.select("county_code").unique(), on="county_code", how="semi")
    listed = listed.filter(pl.col("department").is_not_null())
    of_rules = listed.join(
        due.select("county_code", "department", "code").unique(), on=roster_lists.LIST, how="semi"
    )
    came = with_merge(
        roster_lists.delivered(due, of_rules, year.on), calendar, merge_days(year.configuration)
    )
    exchanged = exchanges(year, counties)
    delivery = pl.concat([came, exchanged], how="diagonal_relaxed").select(
        "department",
        "due_on",
        "strict_due_on",
        "received_on",
        "n_rows",
        "status",
        "merge_due_on",
        region_code="county_code",
        month=number_of(pl.col("_month")),
        category="code",
        kind="list_kind",
    )
    names = category_names(year.configuration)
    first = date(year.year, 1, 1)
    findings = [
        problems,
        late_findings(came, year.rosters.findings, names),
        break_findings(roster_lists.breaks(of_rules).filter(pl.col("_month") >= first), came, names),
        sum_findings(roster_lists.sums(of_rules).filter(pl.col("_month") >= first), came, names),
        wrong_senders(year),
        exchange_findings(exchanged),
        form_findings(year),
    ]
    order = ["region_code", "month", "department", "category", "kind"]
    return {
        "roster_delivery": delivery.sort(order, nulls_last=True),
        "roster_finding": pl.concat(findings, how="diagonal_relaxed").select(FINDING.names()).cast(FINDING),
    }


def months_of(year: Year) -> list[date]:
    """First days of the months of the year that have begun."""
    return [day for n in range(1, 13) if (day := date(year.year, n, 1)) <= year.on]


def with_lists(year: Year) -> frozenset[str]:
    """Counties of which any list was ever received: those whose departments are asked for the missing ones."""
    alias = year.configuration.reference["region_alias"]
    county = places.county_of(pl.col("region_code").str.slice(0, 6), alias, "roster", pl.lit(None, pl.Date))
    tables = [lake.scan(year.home, name, year.files) for name in ("roster", "roster_refused")]
    listed = [
        rows.filter(pl.col("list_kind").is_not_null()).select("region_code").unique() for rows in tables
    ]
    return frozenset(pl.concat(listed).select(county.alias("county")).collect(engine="streaming")["county"])


def due_lists(
    year: Year, calendar: WorkingCalendar, counties: frozenset[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(every list of the year that is due (`DUE`), findings): by P-29 and P-30 as in force in its month.

    A year without its notice in the working calendar has lists without due dates, and a finding.
    """
    policies = year.configuration.policies
    rows, problems = [], []
    for rule in sorted(policies.rules.values(), key=lambda r: r.id):
        if rule.rule.kind != "roster_due" or rule.policy.territory not in counties:
            continue
        for month in months_of(year):
            if rule.parameter("due_day").at(month) is None:
                continue
            try:
                dates: tuple[date | None, date | None] = calendar.roster_due(
                    f"{month:%Y%m}", rule.number("due_day", month)
                )
            except CalendarError as error:
                dates = (None, None)
                problems.append((rule.policy.territory, _number(month), rule.id, None, str(error), 1))
            for code, department in roster_senders(policies, rule.policy.territory, month).items():
                for kind in rule.codes("list_kinds", month):
                    rows.append((rule.policy.territory, department, code, kind, month, *dates))
    found = pl.DataFrame(problems, schema=dict(list(FINDING.items())[:6]), orient="row").with_columns(
        suggestion=pl.lit("请在参考表 working_calendar.csv 中补充该年的放假安排。")
    )
    return pl.DataFrame(rows, schema=DUE, orient="row"), found


def _number(month: date) -> int:
    return month.year * 100 + month.month


def merge_days(configuration: Configuration) -> dict[str, PolicyRule]:
    """Territory → the rule that says within how many working days lists are merged (P-31)."""
    rules = configuration.policies.rules.values()
    return {r.policy.territory: r for r in rules if r.rule.kind == "roster_merge"}


def with_merge(came: pl.DataFrame, calendar: WorkingCalendar, rules: dict[str, PolicyRule]) -> pl.DataFrame:
    """+ merge_due_on: so many working days after the last list of the month came (A-P25), null where none came."""
    last = came.group_by("county_code", "_month").agg(pl.col("received_on").max().alias("_last"))
    days: list[date | None] = []
    for county, month, received in last.select("county_code", "_month", "_last").iter_rows():
        rule = rules.get(county)
        if rule is None or received is None or rule.parameter("merge_working_days").at(month) is None:
            days.append(None)
            continue
        try:
            days.append(calendar.add_working_days(received, rule.number("merge_working_days", month)))
        except CalendarError:
            days.append(None)  # the missing notice is a finding already
    due = last.drop("_last").with_columns(merge_due_on=pl.Series(days, dtype=pl.Date))
    return came.join(due, on=["county_code", "_month"], how="left", maintain_order="left")


def late_findings(came: pl.DataFrame, known: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """Lists that are late or missing, one finding a month, department, category and state (P-29).

    A 在册 list of which `known` says already that it did not come is not told twice.
    """
    told = known.filter(pl.col("rule_id") == "month_without_list").select(
        "department", "code", county_code=pl.col("region_code").str.slice(0, 6),
        _month=month_of(pl.col("month")), list_kind=pl.lit("在册"), status=pl.lit("missing"),
    )  # fmt: skip
    rows = came.filter(pl.col("status").is_in(["late", "missing"])).join(
        told, on=told.columns, how="anti", nulls_equal=True
    )
    grouped = rows.group_by("county_code", "_month", "department", "code", "status").agg(
        pl.col("list_kind").sort().str.join("、").alias("_kinds"),
        pl.col("due_on").first(),
        pl.col("received_on").max(),
    )
    late = pl.format("{} 送达，晚于期限 {}", pl.col("received_on"), pl.col("due_on"))
    missing = pl.format("应于 {} 前送达，至今未收到", pl.col("due_on"))
    what = pl.when(pl.col("status") == "late").then(late).otherwise(missing)
    return grouped.select(
        region_code="county_code",
        month=number_of(pl.col("_month")),
        rule_id=pl.lit("P-29"),
        finding=_list_name(names, pl.col("_kinds")) + "名单：" + what,
        n_rows=pl.lit(1, pl.Int64),
        suggestion=pl.lit(SEND),
        department="department",
        code="code",
    ).sort("region_code", "month", "finding")


def _list_name(names: dict[str, str], kinds: pl.Expr | None = None) -> pl.Expr:
    """`民政 低保对象 202307`, and the kinds of lists."""
    words = [pl.col("department"), pl.col("code").replace(names), number_of(pl.col("_month")).cast(pl.String)]
    return pl.concat_str([*words, *([kinds] if kinds is not None else [])], separator=" ")


def _until(came: pl.DataFrame) -> pl.DataFrame:
    """The day until which a month's lists are to be merged and compared, as words of a suggestion."""
    text = pl.format("{}汇总比对期限 {}。", pl.lit(MEND), pl.col("merge_due_on"))
    return came.select("county_code", "_month", suggestion=pl.coalesce(text, pl.lit(MEND))).unique(
        ["county_code", "_month"]
    )


def break_findings(found: pl.DataFrame, came: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """One row a person with whom a month's lists do not come out (P-32)."""
    text = pl.col("break").replace_strict(roster_lists.BREAK_TEXTS, return_dtype=pl.String)
    return found.join(_until(came), on=["county_code", "_month"], how="left", maintain_order="left").select(
        "person_key",
        "suggestion",
        "department",
        "code",
        region_code="county_code",
        month=number_of(pl.col("_month")),
        rule_id=pl.lit("P-32"),
        finding=_list_name(names) + "：" + text,
        n_rows=pl.lit(1, pl.Int64),
    )


def sum_findings(found: pl.DataFrame, came: pl.DataFrame, names: dict[str, str]) -> pl.DataFrame:
    """One row a list whose number is not that of the list before plus 新增 minus 减少 (P-32)."""
    numbers = pl.format(
        "：在册 {} 人，按上次在册 {} 人加新增 {} 人减减少 {} 人应为 {} 人",
        "now", "before", "added", "removed", "expected",
    )  # fmt: skip
    return found.join(_until(came), on=["county_code", "_month"], how="left", maintain_order="left").select(
        "suggestion",
        "department",
        "code",
        region_code="county_code",
        month=number_of(pl.col("_month")),
        rule_id=pl.lit("P-32"),
        finding=_list_name(names) + numbers,
        n_rows=(pl.col("now") - pl.col("expected")).abs(),
    )


def wrong_senders(year: Year) -> pl.DataFrame:
    """Rejected rows of a department that may not send such an identity, one a file, list and wording (P-30)."""
    alias = year.configuration.reference["region_alias"]
    month = month_of(pl.col("list_month"))
    refused = lake.scan(year.home, "roster_refused", year.files).filter("wrong_sender")
    of_year = pl.col("list_month").is_null() | (pl.col("list_month") // 100 == year.year)
    rows = (
        refused.filter(of_year)
        .with_columns(
            county_code=places.county_of(pl.col("region_code").str.slice(0, 6), alias, "roster", month)
        )
        .group_by(
            "county_code", "department", "list_month", "file_id", label=pl.col("labels").list.join("、")
        )
        .agg(pl.len().cast(pl.Int64).alias("n_rows"))
        .collect(engine="streaming")
    )
    policies = year.configuration.policies
    rule = {
        county: next(
            (r.id for kind in ("roster_senders", "eligibility") for r in policies.for_region(county, kind) if r.has("sender")),
            "wrong_sender",
        )
        for county in rows["county_code"].unique()
    }  # fmt: skip
    return rows.select(
        "n_rows",
        "file_id",
        "department",
        region_code="county_code",
        month="list_month",
        rule_id=pl.col("county_code").replace_strict(rule, return_dtype=pl.String),
        finding=pl.format("{} 报送了不归其认定的救助身份（{}），各行已退回", "department", "label"),
        suggestion=pl.lit("请退回该部门，由认定该身份的部门报送。"),
    ).sort("region_code", "month", "file_id", "finding")


def exchanges(year: Year, counties: frozenset[str]) -> pl.DataFrame:
    """Certificate changes that a policy wants from departments every month without naming a day (L-24).

    One row a month and department: `received` where any roster row of the department came in that month.
    """
    rows = []
    for rule in sorted(year.configuration.policies.rules.values(), key=lambda r: r.id):
        if rule.rule.kind == "information_sharing" and rule.policy.territory in counties:
            for month in months_of(year):
                if rule.parameter("partners").at(month) is not None:
                    rows += [
                        (rule.policy.territory, d, month, rule.id) for d in rule.codes("partners", month)
                    ]
    schema = {"county_code": pl.String, "department": pl.String, "_month": pl.Date, "rule_id": pl.String}
    wanted = pl.DataFrame(rows, schema=schema, orient="row")
    if wanted.is_empty():
        return pl.DataFrame(
            schema=DUE
            | {"received_on": pl.Date, "n_rows": pl.Int64, "status": pl.String, "rule_id": pl.String}
        )
    alias = year.configuration.reference["region_alias"]
    county = places.county_of(pl.col("region_code").str.slice(0, 6), alias, "roster", pl.col("received_on"))
    came = (
        lake.scan(year.home, "roster", year.files)
        .group_by("region_code", "department", "file_id")
        .agg(pl.len().cast(pl.Int64).alias("n_rows"))
        .collect(engine="streaming")
        .join(year.files.select("file_id", "received_on"), on="file_id")
        .with_columns(county_code=county, _month=pl.col("received_on").dt.month_start())
        .group_by("county_code", "department", "_month")
        .agg(pl.col("received_on").min(), pl.col("n_rows").sum())
    )
    over = pl.col("_month").dt.month_end() < year.on
    return wanted.join(came, on=["county_code", "department", "_month"], how="left").with_columns(
        list_kind=pl.lit("变更"),
        code=pl.lit(None, pl.String),
        n_rows=pl.col("n_rows").fill_null(0),
        status=pl.when(pl.col("received_on").is_not_null())
        .then(pl.lit("received"))
        .when(over)
        .then(pl.lit("missing"))
        .otherwise(pl.lit("pending")),
    )


def exchange_findings(rows: pl.DataFrame) -> pl.DataFrame:
    """Months in which a department sent no certificate changes."""
    return rows.filter(pl.col("status") == "missing").select(
        "rule_id",
        "department",
        region_code="county_code",
        month=number_of(pl.col("_month")),
        finding=pl.format("{} {} 没有送来持证人员变更信息", "department", number_of(pl.col("_month"))),
        n_rows=pl.lit(1, pl.Int64),
        suggestion=pl.lit("请向该部门索取当月变更；没有变更的请其书面说明。"),
    )


FORMS = {
    "form_b": "少数结算的个人账户口径与本统筹区多数不同（是否计入基金支付总额）",
    "form_c": "少数结算的账户共济口径与本统筹区多数不同",
}


def form_findings(year: Year) -> pl.DataFrame:
    """Where the settlements of a region hold an identity in two forms: how many hold the rarer one.

    Counted over all files in force from their manifests, so that neither the cut of the files nor their order counts.
    """
    held = set(year.files["file_id"])
    rows = [
        (part["region"], key.split(".")[0], key.split(".")[1], count)
        for manifest in lake.manifests(year.home)
        if manifest.file_id in held
        for part in manifest.parts
        if part["cost_year"] == year.year
        for key, count in part.get("forms", {}).items()
    ]
    schema = {"code": pl.String, "rule_id": pl.String, "form": pl.String, "n": pl.Int64}
    alias = year.configuration.reference["region_alias"]
    of_year = pl.lit(date(year.year, 12, 31))
    counts = (
        pl.DataFrame(rows, schema=schema, orient="row")
        .with_columns(region_code=places.county_of(pl.col("code"), alias, "insured", of_year))
        .group_by("region_code", "rule_id", "form")
        .agg(pl.col("n").sum())
    )
    return (
        counts.group_by("region_code", "rule_id")
        .agg(n_rows=pl.col("n").min(), forms=pl.len())
        .filter(pl.col("forms") > 1)
        .select(
            "region_code",
            "rule_id",
            "n_rows",
            finding=pl.col("rule_id").replace_strict(FORMS, return_dtype=pl.String),
            suggestion=pl.lit("请核对源数据，必要时请出数单位更正后重新导出。"),
        )
        .sort("region_code", "rule_id")
    )
