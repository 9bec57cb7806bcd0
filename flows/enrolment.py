"""Cover of the people on rosters and in the register on the yardstick date (Z-11, L-25, W-09 to W-11, P-28).

Reads enrolment and premium lines of these people only. A table that has not come is one finding, and what it would tell
is left open. Stands after the warnings, so that warned people are looked at too.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from flows.counting import KEYS
from flows.premium import FINDING, finding, ledger_of, premium_lines
from flows.year import Tables, Year
from schemas.policy import PolicyRule
from schemas.reference import FALLBACK_POLICY, identity_codes, ranked_categories
from stores import lake
from transforms import enrolment as cover
from transforms import enrolment_findings as found_as
from transforms import facts, places, versions
from transforms.identity import keys_of, with_person
from transforms.rules.premium_lines import insurance_year
from transforms.spans import below, best_code_spans, on_day, only, overlapping, with_others

ENROLMENT, PREMIUM, REJECTION = "psn_insu_d", "rsdt_psn_clct_detl_d", "waiting_rejection"
WATCH, TEMPORARY, WAITING, CANDIDATES = (
    "enrolment_watch",
    "temporary_premium",
    "waiting_period",
    "candidate_list",
)


def enrolment(year: Year, tables: Tables) -> Tables:
    """Family: mart.enrolment_gap, findings, and `enrolment`: who is insured (not published, for explain and indicators)."""
    people = population(year, tables)
    if people.is_empty():
        return {}
    known = with_cover(year, people)
    gaps = [found_as.judged(known, year.until), no_roster(year)]
    notes = missing_tables(year, known)
    waiting, waiting_notes = wrongly_waiting(year, people)
    candidates, candidate_notes = temporary_candidates(year, known, tables)
    gaps += [waiting, candidates]
    return {
        "enrolment_gap": found_as.gaps(pl.concat(gaps)),
        "enrolment": status_rows(known, year.year),
        "roster_finding": pl.concat([*notes, *waiting_notes, *candidate_notes, *to_include(year, tables)]),
    }


# ---- who is looked at


def population(year: Year, tables: Tables) -> pl.DataFrame:
    """person_key, region_code, category of everybody on a roster on the yardstick date, in the register or warned.

    The dead of the year count too: their cover should have ended. + township_code, village, birth_year, deceased,
    deceased_on.
    """
    ranks = ranked_categories(year.configuration.reference)
    papers = year.rosters.certificates.drop_nulls("code")
    every = with_others(ranks, papers)
    held = best_code_spans(papers, every, year.until, year.until)
    listed = held.select("person_key", region_code="county_code", category="category")
    dead = year.persons.filter("deceased").select("person_key")
    gone = best_code_spans(papers, every, date(year.year, 1, 1), year.until).join(
        dead, on="person_key", how="semi"
    )
    gone = gone.unique("person_key", keep="last", maintain_order=True).select(
        "person_key", region_code="county_code", category="category"
    )
    parts = [listed, gone]
    for name in ("risk_register", "warning"):
        if name in tables and not tables[name].is_empty():
            rows = tables[name]
            if "left_on" in rows.columns:
                rows = rows.filter(pl.col("left_on").is_null() | (pl.col("left_on") > year.until))
            parts.append(
                rows.select("person_key", "region_code", category=pl.lit(None, pl.String)).drop_nulls(
                    "person_key"
                )
            )
    everybody = pl.concat(parts).unique("person_key", keep="first", maintain_order=True)
    everybody = everybody.with_columns(category=only(ranks, "category"))
    about = year.persons.select(
        "person_key",
        "township_code",
        "village",
        "birth_year",
        "deceased",
        "deceased_on",
        _region="region_code",
    )
    return (
        everybody.join(about, on="person_key", how="left", maintain_order="left")
        .with_columns(
            region_code=pl.coalesce("region_code", "_region"),
            deceased=(pl.col("deceased") & (pl.col("deceased_on") <= year.until).fill_null(True)).fill_null(
                False
            ),
        )
        .drop("_region")
        .sort("person_key")
    )


def with_cover(year: Year, people: pl.DataFrame) -> pl.DataFrame:
    """The people with what enrolment rows, premium lines and the subsidy ledger say of them on the yardstick date."""
    alias = year.configuration.reference["region_alias"]
    spells = cover.spells(enrolment_rows(year, people["person_key"]), alias)
    lines = premium_lines(year, people["person_key"])
    subsidised = ledger_of(year).sums.select("person_key", subsidised=pl.lit(True))
    return (
        people.join(
            cover.status_on(spells, people, year.until), on="person_key", how="left", maintain_order="left"
        )
        .join(
            cover.premium_state(lines, year.year, year.until),
            on="person_key",
            how="left",
            maintain_order="left",
        )
        .join(subsidised, on="person_key", how="left", maintain_order="left")
        .with_columns(
            pl.col("subsidised").fill_null(False),
            enrolment_came=_came(enrolment_places(year)),
            premium_came=_came(premium_places(year)),
        )
    )


def enrolment_rows(year: Year, people: pl.Series) -> pl.DataFrame:
    """Current enrolment rows of these people, with person_key."""
    keys = keys_of(people, year.people.links)
    rows = (
        lake.scan(year.home, ENROLMENT, year.files)
        .filter(pl.col("id_key").is_in(keys.implode()))
        .with_columns(psn_key=pl.coalesce("psn_key", "id_key"))
        .collect(engine="streaming")
    )
    current, _ = versions.current(rows.lazy(), KEYS[ENROLMENT], year.files)
    return with_person(current, year.people.links).collect()


def enrolment_places(year: Year) -> list[str]:
    """Regions, aliases resolved, of which enrolment rows have come."""
    return _places(year, lake.scan(year.home, ENROLMENT, year.files))


def premium_places(year: Year) -> list[str]:
    """Regions of which premium lines of the insurance year have come; "" where a line says none."""
    rows = lake.scan(year.home, PREMIUM, year.files)
    return _places(year, rows.filter(insurance_year() == year.year))


def _places(year: Year, rows: pl.LazyFrame) -> list[str]:
    alias = year.configuration.reference["region_alias"]
    county = places.county_of(pl.col("insu_admdvs"), alias, "insured").fill_null("")
    found = rows.select(pl.col("insu_admdvs").unique()).collect(engine="streaming")
    return sorted(set(found.select(county.alias("code"))["code"]))


def _came(codes: list[str]) -> pl.Expr:
    """Whether a table came for the person's region: of it, of a territory above it, or without saying of which."""
    if "" in codes:
        return pl.lit(True)
    return pl.any_horizontal([below("region_code", code) for code in codes] or [pl.lit(False)])


# ---- what is missing


def missing_tables(year: Year, known: pl.DataFrame) -> list[pl.DataFrame]:
    """One finding for each table that did not come for some of the people; what it would tell is left open."""
    notes = [FINDING.to_frame()]
    asked = (
        ("enrolment_came", "人员参保信息（psn_insu_d）", "参保状态"),
        ("premium_came", f"{year.year} 年度居民缴费明细（rsdt_psn_clct_detl_d）", "缴费状态"),
    )
    for column, table, what in asked:
        lacking = known.filter(~pl.col(column))
        if lacking.is_empty():
            continue
        counties = _counties(lacking)
        text = f"未收到 {table}，{'、'.join(counties)} 名册人员的{what}无法核对"
        region = counties[0] if len(counties) == 1 else None
        notes.append(
            finding("Z-11", region, text, "请报送该表；收到以前不判定任何人未参保或断保。", lacking.height)
        )
    return notes


def status_rows(known: pl.DataFrame, year: int) -> pl.DataFrame:
    """`enrolment`, one row a person: insured, employee, resident, premium_paid (null: the table did not come), subsidised.

    For IND-1 and IND-7: region_code, category beside them; deceased people are in it, marked.
    """
    came, premium = pl.col("enrolment_came"), pl.col("premium_came")
    return known.select(
        "person_key",
        "region_code",
        "category",
        "deceased",
        year=pl.lit(year, pl.Int32),
        insured=pl.when(came).then("insured"),
        employee=pl.when(came).then("employee"),
        resident=pl.when(came).then("resident"),
        premium_paid=pl.when(premium).then(pl.col("any_paid").fill_null(False)),
        subsidised="subsidised",
        insured_in=pl.col("counties").list.join("、"),
        insured_since="active_since",
        lapsed_on="lapsed_on",
    )


# ---- active without a roster


def no_roster(year: Year) -> pl.DataFrame:
    """Insured or subsidised as an assistance object, but on no roster of the year (GAPS), where rosters came at all."""
    first, last = date(year.year, 1, 1), date(year.year, 12, 31)
    papers = overlapping(year.rosters.certificates.drop_nulls("code"), first, last)
    listed = papers["county_code"].drop_nulls().unique().to_list()
    homes = year.persons.select("person_key", "township_code", "village", _home="region_code")
    rows = (
        pl.concat([_by_ledger(year), _by_premium(year)])
        .join(papers.select("person_key"), on="person_key", how="anti")
        .join(homes, on="person_key", how="left", maintain_order="left")
        .with_columns(region_code=pl.coalesce("region_code", "_home"))
        .filter(pl.col("region_code").is_in(listed))
    )
    return rows.select(
        "person_key",
        "region_code",
        "township_code",
        "village",
        year=pl.lit(year.year, pl.Int32),
        category="category",
        finding=pl.lit(found_as.NO_ROSTER),
        since="since",
        suggestion=pl.lit("按救助对象参保或资助，而当年名册中没有；建议认定部门核对：漏报的补报名册，已退出的更正参保身份。"),
    ).select(found_as.GAPS.names()).cast(found_as.GAPS)  # fmt: skip


OBJECTS = pl.Schema(
    {"person_key": pl.Int64, "region_code": pl.String, "category": pl.String, "since": pl.Date}
)


def _by_ledger(year: Year) -> pl.DataFrame:
    """OBJECTS: people of the subsidy ledger."""
    sums = ledger_of(year).sums.filter(pl.col("actual_fen") > 0)
    return sums.select(
        "person_key",
        region_code="ledger_region",
        category=pl.lit(None, pl.String),
        since=pl.coalesce("subsidised_on", pl.lit(date(year.year, 1, 1))),
    ).cast(OBJECTS)  # fmt: skip


def _by_premium(year: Year) -> pl.DataFrame:
    """OBJECTS: people whose paid premium line shows an identity that is a category (缴费时身份)."""
    reference = year.configuration.reference
    labels = identity_codes(reference, FALLBACK_POLICY).filter(pl.col("codes").list.len() > 0)
    codes = labels.select(psn_idet_type="label", category=pl.col("codes").list.first()).unique(
        "psn_idet_type"
    )
    rows = (
        lake.scan(year.home, PREMIUM, year.files)
        .filter((pl.col("clct_flag") == "1") & (insurance_year() == year.year))
        .filter(pl.col("revs_flag").fill_null("Z").str.to_uppercase() == "Z")
        .join(codes.lazy(), on="psn_idet_type")
        .select("id_key", "insu_admdvs", "category", since="accrym_begn")
        .collect(engine="streaming")
    )
    county = places.county_of(pl.col("insu_admdvs"), reference["region_alias"], "insured")
    return (
        with_person(rows.lazy(), year.people.links)
        .collect()
        .sort("person_key", "since", "category")
        .unique("person_key", keep="first", maintain_order=True)
        .select("person_key", region_code=county, category="category", since="since")
        .cast(OBJECTS)
    )


# ---- waiting periods (W-11), temporary subsidy (W-10), candidates (P-28)


def ruled(year: Year, kind: str, counties: list[str]) -> dict[str, PolicyRule]:
    """County → the rule of a kind that holds there on the yardstick date, the most local one."""
    held = {}
    for county in sorted(set(counties)):
        rules = year.configuration.policies.for_region(county, kind)
        if rules and rules[0].policy.in_force <= year.until:
            held[county] = rules[0]
    return held


def _counties(frame: pl.DataFrame, column: str = "region_code") -> list[str]:
    return frame[column].drop_nulls().unique().sort().to_list()


def wrongly_waiting(year: Year, people: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """(GAPS, findings): refusals for a waiting period that should not have been (W-11), and those that are not clear."""
    papers = year.rosters.certificates.drop_nulls("code")
    rules = ruled(year, WAITING, _counties(papers, "county_code"))
    gaps, notes = found_as.GAPS.to_frame(), [FINDING.to_frame()]
    if not rules:
        return gaps, notes
    rule = next(iter(rules.values()))
    meant = papers.filter(
        pl.col("county_code").is_in(list(rules)) & pl.col("code").is_in(rule.rule.categories)
    )
    first, last = date(year.year, 1, 1), date(year.year, 12, 31)
    days = overlapping(meant, first, last).select(
        "person_key", "valid_from", "valid_to", region_code="county_code"
    )
    if days.is_empty():
        return gaps, notes
    if not lake.delivered(year.files, REJECTION):
        text = "未收到等待期拒付清单，不应设等待期的拒付无法核对"
        return gaps, [
            finding(rule.id, None, text, "请经办机构报送等待期拒付清单。", days["person_key"].n_unique())
        ]
    rows = lake.scan(year.home, REJECTION, year.files)
    kept = versions.without(rows, facts.repeated(rows, year.files))
    kept = kept.filter(pl.col("rejected_on").is_between(first, min(last, year.on)))
    mine = with_person(kept, year.people.links).collect()
    found = found_as.wrongly_waiting(mine, days.drop("region_code"), rule.policy.in_force)
    where = days.select("person_key", "region_code").unique("person_key", maintain_order=True)
    about = year.persons.select("person_key", "township_code", "village", "category")
    full = found.join(where, on="person_key").join(about, on="person_key", how="left", maintain_order="left")
    sure = full.drop_nulls("reason").with_columns(
        year=pl.lit(year.year, pl.Int32),
        finding=pl.lit(found_as.WAITING),
        suggestion=found_as.waiting_suggestion(),
    )
    open_ = full.filter(pl.col("reason").is_null())
    for (county,), own in open_.group_by("region_code", maintain_order=True):
        text = "等待期拒付没有写明停保断保原因，不能判断是否应设等待期"
        todo = "请核实停保断保原因并补报；跨区域转移接续或非因个人原因的，取消等待期。"
        notes.append(finding(rule.id, str(county), text, todo, int(own["n_rows"].sum())))
    return sure.select(found_as.GAPS.names()).cast(found_as.GAPS), notes


def temporary_candidates(
    year: Year, known: pl.DataFrame, tables: Tables
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """(GAPS, findings): candidates for a temporary premium subsidy (W-10) in counties whose document has one."""
    papers = year.rosters.certificates.drop_nulls("code")
    rules = ruled(year, TEMPORARY, _counties(papers, "county_code"))
    gaps, notes = found_as.GAPS.to_frame(), [FINDING.to_frame()]
    if not rules:
        return gaps, notes
    rule = next(iter(rules.values()))
    confirmed = rule.flag("ages_confirmed", year.until)
    ages = (rule.number("old_age", year.until), rule.number("young_age", year.until)) if confirmed else None
    today = overlapping(papers, year.until, year.until)
    mine = today.filter(pl.col("county_code").is_in(list(rules)) & pl.col("code").is_in(rule.rule.categories))
    warned = tables["warning"]["person_key"] if "warning" in tables else pl.Series([], dtype=pl.Int64)
    through_illness = list(rule.codes("through_illness", year.until))
    ill = (
        pl.concat([today.filter(pl.col("code").is_in(through_illness))["person_key"], warned])
        .drop_nulls()
        .unique()
    )
    people = year.persons.select(
        "person_key", "birth_year", "township_code", "village", "category", "deceased"
    )
    rows = (
        overlapping(year.rosters.members, year.until, year.until)
        .select("person_key", "household_id")
        .join(people, on="person_key", how="left", maintain_order="left")
        .join(known.select("person_key", "employee"), on="person_key", how="left", maintain_order="left")
        .filter(~pl.col("deceased").fill_null(False))
        .with_columns(
            relative=pl.col("person_key").is_in(mine["person_key"].implode()),
            ill=pl.col("person_key").is_in(ill.implode()),
        )
    )
    found = found_as.temporary_candidates(rows, ages, year.year)
    where = mine.select("person_key", region_code="county_code").unique("person_key", maintain_order=True)
    homes = rows.select("person_key", "household_id").join(
        where, on="person_key", how="left", maintain_order="left"
    )
    county = homes.with_columns(region_code=pl.col("region_code").max().over("household_id"))
    full = found.join(county, on="person_key", how="left", maintain_order="left").join(
        people, on="person_key", how="left", maintain_order="left"
    )
    if ages is None and mine.height:
        text = "临时性参保补助“一老一小”的年龄没有文件依据，尚未确认，只按因病困难列候选"
        notes.append(
            finding(rule.id, None, text, "请确认年龄界限后在政策文件中填写（W-10 ages_confirmed）。", None)
        )
    return full.select(
        "person_key",
        "region_code",
        "township_code",
        "village",
        year=pl.lit(year.year, pl.Int32),
        category="category",
        finding=pl.lit(found_as.TEMPORARY),
        since=pl.lit(None, pl.Date),
        suggestion=pl.format("{}；建议列为城乡居民医保临时性参保补助候选，资金来源和金额由当地确定。", "because"),
    ).select(found_as.GAPS.names()).cast(found_as.GAPS), notes  # fmt: skip


def to_include(year: Year, tables: Tables) -> list[pl.DataFrame]:
    """Findings, one a person: warned but in no category, where the document asks to take such people in (P-28)."""
    if "warning" not in tables or tables["warning"].is_empty():
        return [FINDING.to_frame()]
    warned = tables["warning"].filter(pl.col("level").is_in(["over", "severe"]))
    warned = (
        warned.select("person_key", "region_code").drop_nulls().unique(maintain_order=True).sort(pl.all())
    )
    rules = ruled(year, CANDIDATES, _counties(warned))
    named = warned.filter(pl.col("region_code").is_in(list(rules))).with_columns(day=pl.lit(year.until))
    held = on_day(named, year.rosters.certificates.drop_nulls("code"), "day", ["code"])
    rule_ids = {county: rule.id for county, rule in rules.items()}
    return [
        held.filter(pl.col("code").is_null())
        .select(
            rule_id=pl.col("region_code").replace_strict(rule_ids, default=None, return_dtype=pl.String),
            region_code="region_code",
            person_key="person_key",
            finding=pl.lit("负担已达预警标准而不在任何救助类别，可能符合因病致贫重病患者或监测对象条件"),
            n_rows=pl.lit(1, pl.Int64),
            amount_fen=pl.lit(None, pl.Int64),
            suggestion=pl.lit("请民政、乡村振兴部门会同核查，符合条件的及时纳入救助范围。"),
        )
        .cast(FINDING)
    ]
