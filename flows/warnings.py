"""Warnings of a cost year: standards, who is over them since when, what the townships answered.

Reads what the run has resolved; walks all settlements of the year once more only where they came on several days.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from flows.warning_findings import answer_findings, standard_findings
from flows.year import Tables, Year
from reports.words import yuan
from schemas.calendar import working_calendar
from schemas.warnings import WarningStandard, case_flow, hardship, monitored, warning_standards
from stores import lake
from transforms import cases, forecast, places, risk_register
from transforms.identity import keys_of, with_person
from transforms.measure_history import HISTORY, MEASURES, SUMS, days_of, history, spent_at_most
from transforms.pseudonym import pseudonyms
from transforms.rules import warnings
from transforms.versions import ROW

ROSTER_ROWS = pl.Schema(
    {
        "person_key": pl.Int64,
        "file_id": pl.String,
        "sheet": pl.String,
        "department": pl.String,
        "source_row": pl.Int64,
        "own_end": pl.Date,
        "day": pl.Date,
    }
)
_CASES = pl.Schema(
    {
        "person_key": pl.Int64,
        "region_code": pl.String,
        "rule_id": pl.String,
        "status": pl.String,
        "first_seen": pl.Date,
        "last_seen": pl.Date,
    }
)


def warning_tables(year: Year, tables: Tables) -> Tables:
    """Rows of mart.warning and findings; people, places and benefits are those of the tables so far."""
    reference, policies = year.configuration.reference, year.configuration.policies
    counties = pl.concat([year.sums["county_code"], year.rosters.certificates["county_code"]]).drop_nulls()
    codes = counties.str.slice(0, 6).unique().to_list()  # a code below a county is insured in the county
    standards = warning_standards(policies, reference["income"], codes, year.year)
    usable = [standard for standard in standards if standard.threshold_fen is not None]
    findings = [standard_findings(standards, year.year)]
    told = cases.answers(lake.scan(year.home, "feedback", year.files), year.files, year.on)
    found = seen_cases(year, usable) if usable else None
    rows = None if found is None or found.is_empty() else found
    if rows is not None:
        rows, lacking = with_answers(year, rows, told)
        findings.append(lacking)
    known = None if rows is None else rows.select("number", "other_numbers", "region_code", "township_code")
    findings.append(answer_findings(told, known, year))
    out = {"roster_finding": pl.concat(findings, how="diagonal_relaxed")}
    if rows is not None:
        out["warning"] = mart_rows(rows, year.year)
    return out | {"risk_register": register_rows(year, out.get("warning"))}


def seen_cases(year: Year, standards: list[WarningStandard]) -> pl.DataFrame:
    """Everybody who was ever at a level of a rule, one row a rule and person, with person, place and kind."""
    watched = watched_people(year, standards)
    timeline = measured(year, watched)
    last_day = latest_day(year)
    sums = known_sums(year, watched, timeline)
    spans = known_certificates(year, watched)
    expected = forecast_of(year, watched)
    found = []
    for standard in standards:
        standing = warnings.standing_now(sums, year.rosters.certificates, standard, year.until)
        days = warnings.timeline(
            timeline, standing, spans if standard.categories else None, standard, last_day, year.on, year.year
        )
        seen = warnings.seen(days, last_day)
        if not seen.is_empty():
            found.append(described(year, standard, seen, standing, expected))
    return pl.concat(found, how="diagonal_relaxed") if found else pl.DataFrame()


def watched_people(year: Year, standards: list[WarningStandard]) -> pl.DataFrame:
    """id_key, person_key of everybody who may ever have been at a level: spent enough, reversals and all."""
    least = {
        measure: min((s.watch_fen or 0 for s in standards if s.measure == measure), default=None)
        for measure in MEASURES
    }
    spent = year.sums.select("person_key", "n_settlements", psn="psn_fen", cash="cash_known_fen")
    enough = _enough(spent, least)
    people = [enough]
    if len(settlement_days(year)) > 1:
        raw = spent_at_most(lake.scan(year.home, "setl_d", year.files, year.year))
        raw = (
            with_person(raw.lazy(), year.people.links)
            .group_by("person_key")
            .agg(pl.col("n_rows", "psn_most", "cash_most").sum())
            .collect()
        )
        several = raw.join(spent, on="person_key", how="left").filter(
            pl.col("n_rows") != pl.col("n_settlements").fill_null(0)
        )
        people.append(_enough(several.with_columns(psn="psn_most", cash="cash_most"), least))
    if any(least[measure] is not None for measure in MEASURES if measure not in ("PSN", "CASH")):
        people.append(year.rosters.certificates["person_key"].unique())
    persons = pl.concat(people).unique().sort()
    if all(standard.categories for standard in standards):
        persons = persons.filter(persons.is_in(year.rosters.certificates["person_key"].unique().implode()))
    keys = keys_of(persons, year.people.links)
    return (
        with_person(pl.LazyFrame({"id_key": keys}), year.people.links)
        .unique()
        .collect()
        .select("id_key", "person_key")
    )


def _enough(spent: pl.DataFrame, least: dict[str, int | None]) -> pl.Series:
    """person_key of those with PSN or CASH of at least the lowest watch level of a rule on it."""
    tests = [pl.lit(False)]
    for measure, column in (("PSN", "psn"), ("CASH", "cash")):
        if (amount := least[measure]) is not None:
            tests.append((pl.col(column) >= amount).fill_null(False))
    return spent.filter(pl.any_horizontal(tests))["person_key"]


def settlement_days(year: Year) -> pl.Series:
    """The days, up to the date of the run, on which settlements of the year were received."""
    wanted = set(year.files["file_id"])
    days = {
        min(manifest.received_on, year.on)
        for manifest in lake.manifests(year.home)
        if manifest.file_id in wanted
        and any(p["table"] == "setl_d" and p["cost_year"] == year.year for p in manifest.parts)
    }
    return pl.Series("day", sorted(days), dtype=pl.Date)


def latest_day(year: Year) -> date:
    """The last day on which settlements of the year were received."""
    latest = settlement_days(year).max()
    return latest if isinstance(latest, date) else year.on


def measured(year: Year, watched: pl.DataFrame) -> pl.DataFrame:
    """The history of the sums of the watched people; one row each where everything came on one day."""
    days = settlement_days(year)
    simple = len(days) <= 1 and not _by_stay(year)
    if not simple:
        return history(
            lake.scan(year.home, "setl_d", year.files),
            watched,
            year.settled.verdicts["setl_id"],
            year.files,
            year.configuration.reference["region_alias"],
            year.year,
            year.on,
        )
    zero = pl.lit(0, pl.Int64)
    own = year.sums.filter(pl.col("person_key").is_in(watched["person_key"].implode()))
    return own.select(
        "person_key",
        "insutype",
        "county_code",
        day=pl.lit(latest_day(year)),
        psn_sum="psn_fen",
        cash_sum="cash_known_fen",
        pol_sum=zero,
        r0_sum=zero,
        lowered=pl.lit(False),
    ).select(HISTORY.names())


def _by_stay(year: Year) -> bool:
    """Whether a standard watches a measure that the year's sums do not hold."""
    policies = year.configuration.policies
    return any(
        rule.rule.kind == "warning" and rule.rule.measure in ("POL", "R0") and rule.has("threshold_yuan")
        for rule in policies.rules.values()
    )


def known_sums(year: Year, watched: pl.DataFrame, timeline: pl.DataFrame) -> pl.DataFrame:
    """What the watched people's sums are now, under the names of the measures; nothing left is 0."""
    names = list(SUMS.values())
    last = timeline.sort("person_key", "day").group_by("person_key").agg(pl.col(*names).last())
    own = year.sums.select(
        "person_key", "insutype", "county_code", _psn="psn_fen", _cash="cash_known_fen", _there=pl.lit(True)
    )
    joined = watched.select("person_key").unique().join(last, on="person_key", how="left")
    joined = joined.join(own, on="person_key", how="left")
    there = pl.col("_there").fill_null(False)
    return joined.with_columns(
        psn_sum=pl.col("_psn").fill_null(0),
        cash_sum=pl.col("_cash").fill_null(0),
        pol_sum=pl.when(there).then("pol_sum").otherwise(0),
        r0_sum=pl.when(there).then("r0_sum").otherwise(0),
    ).select("person_key", "insutype", "county_code", *names)


def known_certificates(year: Year, watched: pl.DataFrame) -> pl.DataFrame:
    """When it was known of each watched person that an identity had begun or ended."""
    days = days_of(year.files, year.on)
    roster = lake.scan(year.home, "roster", year.files)
    own = (
        roster.filter(pl.col("id_key").is_in(watched["id_key"].implode()))
        .select(*ROW, "id_key", "department", own_end="valid_to")
        .collect(engine="streaming")
        .join(watched, on="id_key")
        .join(days, on="file_id")
    )
    delivered = roster.select("file_id", "department").unique().collect(engine="streaming")
    certificates = year.rosters.certificates.filter(
        pl.col("person_key").is_in(watched["person_key"].implode())
    )
    return warnings.known_spans(
        certificates, own.select(ROSTER_ROWS.names()), delivered.join(days, on="file_id")
    )


def forecast_of(year: Year, watched: pl.DataFrame) -> forecast.Forecast:
    """The plain forecast of the running year; nothing for a closed one or without the year before."""
    if year.on.year != year.year:
        return forecast.none()
    before = lake.scan(year.home, "setl_d", year.files, year.year - 1)
    return forecast.shares(before, year.configuration.reference["region_alias"], year.year - 1, year.until)


def described(
    year: Year,
    standard: WarningStandard,
    seen: pl.DataFrame,
    standing: pl.DataFrame,
    expected: forecast.Forecast,
) -> pl.DataFrame:
    """The cases of a rule with id, person, place, kind, amounts and forecast."""

    def numbers(texts: pl.Series) -> pl.Series:
        return pseudonyms(texts, year.home.secret())

    region = standard.region_code
    codes = standard.categories or hardship(year.configuration.policies, region)
    kinds = warnings.kind(year.rosters.certificates, codes, region, year.until)
    persons = year.persons.select("person_key", "household_id", "township_code", "village")
    others = year.people.links.rename({"person_key": "published"}).filter(
        pl.col("published").is_in(seen["person_key"].implode())
    )
    aliases = others.with_columns(
        other=cases.case_numbers(standard.rule_id, others["id_key"], year.year, numbers)
    )
    by_person = aliases.group_by(person_key="published").agg(other_numbers="other")
    rows = (
        seen.with_columns(number=cases.case_numbers(standard.rule_id, seen["person_key"], year.year, numbers))
        .join(standing.select("person_key", "measure_fen"), on="person_key", how="left")
        .join(kinds, on="person_key", how="left")
        .join(persons, on="person_key", how="left")
        .join(by_person, on="person_key", how="left")
    )
    by_identity = pl.lit(warnings.RETURNED if standard.categories else warnings.IMPOVERISHED)
    factor, error = expected.of(standard.measure, region)
    return rows.with_columns(
        pl.col("kind").fill_null(by_identity),
        pl.col("other_numbers").fill_null(pl.lit([], pl.List(pl.Int64))),
        rule_id=pl.lit(standard.rule_id),
        region_code=pl.lit(region),
        threshold_fen=pl.lit(standard.threshold_fen, pl.Int64),
        provisional=pl.lit(standard.provisional),
        basis=pl.lit(standard.basis),
        watched=pl.lit(standard.measure),
        over_word=pl.lit("超过" if standard.operator == ">" else "达到"),
        forecast_fen=forecast.expected(pl.col("measure_fen"), factor),
        forecast_error=pl.lit(error, pl.Float64),
    )


def with_answers(year: Year, rows: pl.DataFrame, told: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The cases with state, days and reason; a finding where the calendar lacks a year."""
    renamed = rows.select("number", "other_numbers").explode("other_numbers").drop_nulls()
    renamed = renamed.rename({"number": "_now", "other_numbers": "number"}).unique("number")
    same = told.join(renamed, on="number", how="left").with_columns(
        pl.coalesce("_now", "number").alias("number")
    )
    stated = cases.with_states(rows, same.drop("_now"))
    calendar = working_calendar(year.configuration.reference["working_calendar"])
    parts, lacking = [], []
    for (region,), own in stated.group_by("region_code", maintain_order=True):
        flow = case_flow(year.configuration.policies, str(region), year.on)
        if flow is None:
            parts.append(own.with_columns(due_date=pl.lit(None, pl.Date)))
            continue
        due, missing = cases.due_dates(own, calendar, flow.visit_working_days, flow.issue_working_day)
        parts.append(own.with_columns(due))
        if missing:
            lacking.append((flow.rule_id, str(region), missing, due.null_count()))
    dated = pl.concat(parts).with_columns(overdue=cases.overdue(year.on))
    findings = pl.DataFrame(
        lacking,
        schema={"rule_id": pl.String, "region_code": pl.String, "finding": pl.String, "n_rows": pl.Int64},
        orient="row",
    )
    texts = [reason(row, year.year) for row in dated.iter_rows(named=True)]
    return dated.with_columns(reason=pl.Series(texts, dtype=pl.String)), findings


def reason(row: dict[str, object], year: int) -> str:
    """Why there is a case, in one sentence; why it was withdrawn or opened again."""
    words = {
        "CASH": "个人现金支付",
        "PSN": "个人承担医疗费用",
        "POL": "政策范围内费用",
        "R0": "政策范围内个人负担",
    }
    measure, threshold = int(str(row["measure_fen"])), int(str(row["threshold_fen"]))
    share = measure * 100 // threshold if threshold else 0
    level = int(str(row["rank"]))
    line = f"预警线{yuan(threshold)}元（{row['basis']}{'，暂定' if row['provisional'] else ''}）"
    head = f"{year}年度{words[str(row['watched'])]}{yuan(measure)}元"
    if level >= 2:
        twice = "，已达两倍以上" if level > 2 else ""
        text = f"{head}，{row['over_word']}{line}{twice}"
    elif int(str(row["reached"])) > 0:
        text = f"{head}，为{line}的{share}%"
    else:
        text = f"{head}，未到提前预警线，{line}"
    if row["status"] == "withdrawn":
        return f"{text}；{row['fell_on']}起因退费、冲正、更正或标准调整低于提前预警线，撤销"
    if row["rose_on"] is not None and row["opened_on"] == row["rose_on"]:
        return f"{text}；{row['fell_on']}曾因退费、冲正或更正撤销，{row['rose_on']}再次达到，重新办理"
    if row["opened_on"] is not None:
        return f"{text}；办结后{row['opened_on']}升为更高级别，重新办理"
    if level == 0:
        return (
            f"{text}；年内曾为监测对象，当年不退出"
            if not row["reached"]
            else f"{text}；年内曾属监测范围，当年不退出"
        )
    return text


def register_rows(year: Year, warned: pl.DataFrame | None) -> pl.DataFrame:
    """mart.risk_register of the year."""
    alias = year.configuration.reference["region_alias"]
    declared = with_person(lake.scan(year.home, "declaration", year.files), year.people.links).collect()
    county = places.county_of(pl.col("region_code").str.slice(0, 6), alias, "roster", pl.col("declared_on"))
    certificates = year.rosters.certificates
    groups = {
        county_code: monitored(year.configuration.policies, county_code)
        for county_code in certificates["county_code"].drop_nulls().unique().sort()
    }
    cases_of = warned if warned is not None else pl.DataFrame(schema=_CASES)
    found = risk_register.register(
        certificates, groups, cases_of, declared.with_columns(region_code=county), year.year, year.on
    )
    where = year.persons.select("person_key", "township_code")
    return found.join(where, on="person_key", how="left", maintain_order="left")


def mart_rows(rows: pl.DataFrame, year: int) -> pl.DataFrame:
    """mart.warning in fen."""
    names = dict(enumerate(warnings.LEVELS))
    return rows.select(
        *("rule_id", "kind", "person_key", "household_id", "region_code", "township_code", "village"),
        *("measure_fen", "threshold_fen", "provisional", "first_seen", "last_seen", "level_first_seen"),
        *("status", "outcome", "reason", "due_date", "visited_on", "aid_fen", "closed_on", "overdue"),
        *("over_since", "opened_on", "forecast_fen", "forecast_error"),
        warning_id="number",
        level=pl.col("shown").cast(pl.Int64).replace_strict(names, return_dtype=pl.String),
        year=pl.lit(year, pl.Int32),
    ).sort("region_code", "rule_id", "warning_id")
