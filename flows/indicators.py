"""Indicators of a cost year, the waterfall of layers and the burden by area: what the stages give to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from flows.indicators_base import base_year
from flows.premium import Ledger, ledger_of
from flows.year import Tables, Year
from schemas.policy import Policies
from schemas.premium import premium_subsidies
from schemas.targets import (
    Target,
    cap_rules,
    hardship_categories,
    population_policies,
    relief_policies,
    targets_of,
)
from schemas.warnings import warning_standards
from stores import lake
from transforms import indicators_people, versions
from transforms.area_burden import WITHDRAWN, area_burden
from transforms.identity import keys_of, with_person
from transforms.indicators import DEFAULT, HARDSHIP, INSURED, LOW_INCOME, Figure, indicator_rows
from transforms.indicators_costs import (
    Off,
    Pair,
    Sums,
    cap_off,
    covered,
    insured_of,
    sums_of,
    taken_off,
)
from transforms.indicators_figures import (
    ALL,
    CLASS_2,
    NO_ENROLMENT,
    ROSTER,
    WARNED,
    County,
    Note,
    cost_figures,
    counted_figures,
    increase_figures,
    insured_figures,
    left_out_notes,
    notes_of_missing,
    resolution_figures,
    self_pay_figures,
)  # fmt: skip
from transforms.indicators_people import died_by, holders, in_register, in_set, resolved_excess
from transforms.indicators_self_pay import LOOKED_AT, self_pay
from transforms.places import county_of
from transforms.waterfall import monitored, waterfall

OWN_SHARE = 10
"""A county is the bureau's own from one in so many settlements, or people on a roster, of the year on: people insured
elsewhere make no county of their own, and what a neighbour's list lacks is no matter for the operator."""
MEASURES = {"CASH": "cash_known_fen", "PSN": "psn_fen", "B": "burden_fen"}
"""What a warning standard measures → column of mart.person_year in fen."""
NOTE = pl.Schema(
    {
        "region_code": pl.String, "rule_id": pl.String, "finding": pl.String, "suggestion": pl.String,
        "n_rows": pl.Int64, "amount_fen": pl.Int64,
    }
)  # fmt: skip
ASK_ENROLMENT = "请报送参保信息（psn_insu_d）。"


def indicators(year: Year, tables: Tables) -> Tables:
    """mart.indicator, and a finding for each figure that cannot be worked out."""
    known = _Known(year, tables)
    figures: list[Figure] = []
    notes: list[Note] = []
    for region in known.regions:
        county = County(region, year.year, known.is_open(region))
        for family in (_costs, _enrolment, _security, _resolution, _self_pay, _low_income):
            made, said = family(known, county)
            figures += made
            notes += said if region in known.own_counties else []
    rows = [(n.region_code, n.rule_id, n.finding, n.suggestion, n.n_rows, n.amount_fen) for n in notes]
    return {
        "indicator": indicator_rows(figures),
        "roster_finding": pl.DataFrame(rows, schema=NOTE, orient="row"),
    }


def waterfalls(year: Year, tables: Tables) -> Tables:
    """mart.layer_waterfall of every unit under a cap and of each person on a roster."""
    people = monitored(year.rosters.certificates, year.year)
    return {
        "layer_waterfall": waterfall(
            year.burdens.settlements, year.burdens.payments, _table(tables, "cap_gap"), _table(tables, "benefit_item"),
            year.persons, people, year.year,
        )
    }  # fmt: skip


def areas(year: Year, tables: Tables) -> Tables:
    """mart.area_burden by province, city, county, township and village."""
    regions = year.configuration.reference["regions"]
    return {
        "area_burden": area_burden(
            year.persons, tables.get("cap_gap"), _warned_of(year, tables), regions, year.year
        )
    }


def _warned_of(year: Year, tables: Tables) -> pl.DataFrame | None:
    """The warnings of the year, none where nobody reached a standard; None: no standard in any county."""
    counties = year.persons["region_code"].drop_nulls().unique().to_list()
    income = year.configuration.reference["income"]
    asked = warning_standards(year.configuration.policies, income, counties, year.year)
    known = any(standard.threshold_fen is not None for standard in asked)
    nobody = pl.DataFrame(schema={"person_key": pl.Int64, "year": pl.Int32, "status": pl.String})
    return tables.get("warning", nobody if known else None)


def _table(tables: Tables, name: str) -> pl.DataFrame:
    """A table of the families before, or one without rows and columns."""
    return tables.get(name, pl.DataFrame())


@dataclass(frozen=True)
class _Known:
    """What the indicators of a year look at, each worked out once and only where it is asked for."""

    year: Year
    tables: Tables

    @property
    def policies(self) -> Policies:
        return self.year.configuration.policies

    @cached_property
    def insured(self) -> dict[str, Sums]:
        return insured_of(self.year.mass.months, self.year.burdens.settlements)

    @cached_property
    def own_counties(self) -> set[str]:
        """Counties of insurance or of a roster that hold more than strays."""
        listed = self.year.configuration.reference["regions"].filter(pl.col("level") == "county")["code"]
        settled = {code: costs.n for code, costs in self.insured.items()}
        people = self.year.rosters.certificates.group_by("county_code").agg(pl.col("person_key").n_unique())
        on_roster: dict[str, int] = dict(
            people.filter(pl.col("county_code").is_in(listed.implode())).iter_rows()
        )
        return {
            code
            for counts in (settled, on_roster)
            for code, n in counts.items()
            if n * OWN_SHARE >= sum(counts.values()) and code in set(listed)
        }

    @cached_property
    def regions(self) -> list[str]:
        """Counties with a roster, and the other own counties, in order."""
        codes = set(self.year.rosters.certificates["county_code"].drop_nulls().unique())
        return sorted({code for code in codes if len(code) == 6} | self.own_counties)

    @cached_property
    def off(self) -> dict[tuple[str, str], Off]:
        return self._off_of(_table(self.tables, "cap_gap"))

    def _off_of(self, gaps: pl.DataFrame) -> dict[tuple[str, str], Off]:
        return cap_off(gaps, _table(self.tables, "benefit_item"), self.year.burdens.settlements)

    @cached_property
    def _off_by_group(self) -> dict[tuple[str, ...], dict[tuple[str, str], Off]]:
        return {}

    @cached_property
    def gone(self) -> pl.Series:
        return died_by(self.year.people.people, self.year.until)

    @cached_property
    def _costs_of(self) -> dict[tuple[tuple[str, ...], str], dict[str, Sums]]:
        return {}

    def holding(self, codes: tuple[str, ...], territory: str) -> pl.LazyFrame:
        """The settlements of `year.dated` of people who hold one of the categories on their date, with held."""
        rows = self.year.dated.with_columns(self.year.held(codes, territory))
        return rows.lazy().filter(pl.col("held").is_not_null())

    def costs(self, codes: tuple[str, ...], territory: str, region: str) -> Sums:
        """Sums of the settlements routed to a county of people who hold one of the categories on their date."""
        key = (codes, territory)
        if key not in self._costs_of:
            self._costs_of[key] = sums_of(self.holding(codes, territory), "routed_code")
        return self._costs_of[key].get(region, Sums())

    def caps_off(self, region: str, *, reliefs: bool) -> Off:
        """What the caps of a county take off, with or without the reliefs above a threshold."""
        rules = cap_rules(self.policies, kind=None if reliefs else "household_cap")
        return taken_off(self.off, rules, region)

    def caps_off_group(self, region: str, codes: tuple[str, ...]) -> Off:
        """What the caps of a county (without reliefs) take off the burden of the units of these categories."""
        gaps = _table(self.tables, "cap_gap")
        if codes not in self._off_by_group:
            own = gaps if gaps.is_empty() else gaps.filter(pl.col("category").is_in(codes))
            self._off_by_group[codes] = self.off if own.height == gaps.height else self._off_of(own)
        return taken_off(self._off_by_group[codes], cap_rules(self.policies, kind="household_cap"), region)

    def is_open(self, region: str) -> bool:
        """Whether the figures of a county may change: a running year, or a unit whose amount is not determined."""
        gaps = _table(self.tables, "cap_gap")
        own = (pl.col("region_code") == region) & (pl.col("status") == "incomplete")
        unknown = not gaps.is_empty() and not gaps.filter(own).is_empty()
        return self.year.year >= self.year.on.year or unknown

    def people(self, codes: Sequence[str], region: str) -> pl.Series:
        """Living people with one of the categories, recognised in the county, on the yardstick date."""
        return holders(self.year.rosters.certificates, codes, region, self.year.until, self.gone)

    def targets(self, region: str, indicator: str) -> list[Target]:
        return [t for t in targets_of(self.policies, region, self.year.year) if t.indicator_id == indicator]

    def enrolled(self, region: str) -> pl.DataFrame | None:
        """person_key, employee, subsidised of who is insured on the yardstick date; None: no rows came for the county."""
        rows = self.tables.get("enrolment")
        if rows is None:
            return None
        own = rows.filter(pl.col("region_code") == region)
        judged = rows if own.is_empty() else own
        if judged["insured"].null_count() == judged.height:
            return None
        flags = pl.col("employee", "subsidised").fill_null(False)
        return rows.filter(pl.col("insured")).select("person_key", flags)

    @cached_property
    def ledger(self) -> Ledger:
        return ledger_of(self.year)


Found = tuple[list[Figure], list[Note]]


def _costs(known: _Known, county: County) -> Found:
    """IND-3 and IND-4 of a county; a county whose policies set no target has them without one."""
    region = county.region_code
    figures: list[Figure] = []
    poor, own = Sums(), Off()
    for target in known.targets(region, "IND-3"):
        costs = known.costs(target.categories, target.territory, region)
        off_group = known.caps_off_group(region, target.categories)
        figures += cost_figures(county, "IND-3", HARDSHIP, target, costs, off_group)
        poor, own = (costs, off_group) if costs.n > poor.n else (poor, own)
    if not figures:
        codes = _objects(known, region)
        poor = known.costs(codes, region, region) if codes else poor
        own = known.caps_off_group(region, codes)
        figures += cost_figures(county, "IND-3", HARDSHIP, None, poor, own)
    insured, off = known.insured.get(region, Sums()), known.caps_off(region, reliefs=True)
    asking: list[Target | None] = [*known.targets(region, "IND-4")]
    for asked in asking or [None]:
        hardship = known.costs(asked.categories, asked.territory, region) if asked else poor
        off_group = known.caps_off_group(region, asked.categories) if asked else own
        figures += insured_figures(county, asked, insured, off, hardship, off_group)
    notes = left_out_notes(county, "IND-4", insured)
    if not poor.n:
        why = "没有困难群众的结算，无法计算（未收到名册，或名册上的人当年没有就医结算）"
        notes += notes_of_missing(county, [("IND-3", why, "请核对救助对象名册是否已报送。")])
    return figures, notes


def _objects(known: _Known, region: str) -> tuple[str, ...]:
    """困难群众 of a county whose policies set no target: the objects of its assistance."""
    found = [hardship_categories(known.policies, name) for name in relief_policies(known.policies, region)]
    return found[0] if found else ()


def _enrolment(known: _Known, county: County) -> Found:
    """IND-1: subsidised enrolment; without the ledger only who is insured."""
    figures: list[Figure] = []
    missing: list[tuple[str, str, str]] = []
    for target in known.targets(county.region_code, "IND-1"):
        people = known.people(target.categories, county.region_code)
        entitled = _entitled(known, people, county)
        pairs: dict[str, Pair | None] = {DEFAULT: None, ALL: None, INSURED: None}
        enrolled = known.enrolled(county.region_code)
        if enrolled is None:
            missing.append(("IND-1", NO_ENROLMENT, ASK_ENROLMENT))
        else:
            pairs[INSURED] = in_set(people, enrolled["person_key"])
            if known.ledger.came_for(county.region_code):
                pairs[DEFAULT] = indicators_people.subsidised(entitled, enrolled)
                pairs[ALL] = indicators_people.subsidised(people, enrolled)
            else:
                missing.append(("IND-1", "缺少资助参保台账，只公布参保率", "请报送资助参保台账。"))
        figures += counted_figures(county, "IND-1", HARDSHIP, target, pairs)
    return figures, notes_of_missing(county, missing)


def _entitled(known: _Known, people: pl.Series, county: County) -> pl.Series:
    """Of the people those entitled to a subsidy (A-Z09): the groups that a document of the county gives one, else all."""
    asked = premium_subsidies(known.policies, [county.region_code])
    groups = {code for each in asked for rates in each.rates for code in (*rates.tier1, *rates.tier2)}
    if not groups:
        return people
    entitled = known.people(sorted(groups), county.region_code)
    return people.filter(people.is_in(entitled.implode()))


def _security(known: _Known, county: County) -> Found:
    """IND-2: needs the civil-affairs benefit file; from the rosters as a variant (A-Z08)."""
    figures: list[Figure] = []
    missing: list[tuple[str, str, str]] = []
    for target in known.targets(county.region_code, "IND-2"):
        ill = known.people(target.groups.get("through_illness", ()), county.region_code)
        secured = known.people(target.groups.get("secured", ()), county.region_code)
        figures += counted_figures(
            county, "IND-2", HARDSHIP, target, {DEFAULT: None, ROSTER: in_set(ill, secured)}
        )
        why = "缺少民政基本生活救助发放资料，只按名册公布参考值"
        missing.append(("IND-2", why, "请向民政部门索取基本生活救助发放资料；在此以前该指标不作评价。"))
    return figures, notes_of_missing(county, missing)


def _resolution(known: _Known, county: County) -> Found:
    """IND-5: high cost is cost above the local cap or relief threshold (A-Z04); elsewhere not defined."""
    figures: list[Figure] = []
    missing: list[tuple[str, str, str]] = []
    gaps = _table(known.tables, "cap_gap")
    in_place = ~pl.col("status").is_in(["not_pilot", "not_in_force"])
    own = (
        gaps.filter((pl.col("region_code") == county.region_code) & in_place) if not gaps.is_empty() else gaps
    )
    for target in known.targets(county.region_code, "IND-5"):
        if own.is_empty():
            figures += resolution_figures(county, target, None, None)
            why = "本地没有封顶或化解标准在施行，“高额医疗费用”没有定义"
            missing.append(("IND-5", why, "请由政策文件确定本地的高额费用标准；在此以前该指标不作评价。"))
        else:
            over = indicators_people.with_aid(own)
            units, excess = indicators_people.resolved_units(over), resolved_excess(over)
            figures += resolution_figures(county, target, units, excess)
    return figures, notes_of_missing(county, missing)


def _self_pay(known: _Known, county: County) -> Found:
    """IND-6: policy-range self-pay of the objects of the county's assistance, else of the provincial 困难群众."""
    region = county.region_code
    helping = relief_policies(known.policies, region)
    asking = helping or population_policies(known.policies, region)
    figures: list[Figure] = []
    for policy_id in asking[:1]:
        codes = hardship_categories(known.policies, policy_id)
        territory = known.policies.heads[policy_id].territory
        held = known.holding(codes, territory).filter(pl.col("routed_code") == region)
        own = held.select(LOOKED_AT).collect()
        since = known.policies.heads[policy_id].in_force if helping else None
        lines = _table(known.tables, "benefit_line")
        all_, by_category = self_pay(own, lines if helping else None, known.policies, policy_id, since)
        figures += self_pay_figures(county, policy_id, all_, by_category)
    return figures, []


def _low_income(known: _Known, county: County) -> Found:
    """IND-7, IND-8, IND-9: enrolment, monitoring and coverage of low-income households."""
    figures: list[Figure] = []
    missing: list[tuple[str, str, str]] = []
    for target in known.targets(county.region_code, "IND-7"):
        groups = _low_income_people(known, target, county)
        enrolled = known.enrolled(county.region_code)
        if enrolled is None:
            missing.append(("IND-7", NO_ENROLMENT, ASK_ENROLMENT))
        pairs = {
            name: None if enrolled is None else in_set(people, enrolled["person_key"])
            for name, people in groups.items()
        }
        figures += counted_figures(county, "IND-7", LOW_INCOME, target, pairs)
    for target in known.targets(county.region_code, "IND-8"):
        register = known.tables.get("risk_register")
        groups = _low_income_people(known, target, county)
        there = None if register is None else in_register(register, known.year.until)
        if there is None:
            missing.append(("IND-8", "没有风险对象库，无法计算", "请核对预警和对象库是否已生成。"))
        monitored_: dict[str, Pair | None] = {
            name: None if there is None else in_set(people, there) for name, people in groups.items()
        }
        monitored_[WARNED] = _warned(known, county, groups[DEFAULT])
        figures += counted_figures(county, "IND-8", LOW_INCOME, target, monitored_)
    for target in known.targets(county.region_code, "IND-9"):
        off = taken_off(known.off, cap_rules(known.policies, target.policy_id), county.region_code)
        costs = known.costs(target.categories, target.territory, county.region_code)
        before = base_year(known.year, target, county.region_code)
        figures += increase_figures(county, target, covered(costs, off, DEFAULT), before)
    return figures, notes_of_missing(county, missing)


def _warned(known: _Known, county: County, people: pl.Series) -> Pair | None:
    """Of the people who reach a warning standard of the county, those with a warning; None without a standard."""
    income = known.year.configuration.reference["income"]
    asked = warning_standards(known.policies, income, [county.region_code], county.year)
    standards = [standard for standard in asked if standard.over_fen is not None]
    if not standards:
        return None
    mine = known.year.persons.filter(pl.col("person_key").is_in(people.implode()))
    reach = pl.any_horizontal(
        (pl.col(MEASURES[standard.measure]) >= standard.over_fen)
        & (pl.col("insutype").is_in(list(standard.insutypes)) if standard.insutypes else pl.lit(True))
        for standard in standards
    )
    due = mine.filter(reach.fill_null(False))["person_key"]
    rows = known.tables.get("warning")
    nobody = pl.Series("person_key", [], dtype=pl.Int64)
    standing = nobody if rows is None else rows.filter(pl.col("status") != WITHDRAWN)["person_key"]
    return in_set(due, standing.cast(pl.Int64))


def _low_income_people(known: _Known, target: Target, county: County) -> dict[str, pl.Series]:
    """Registered members of low-income households on the yardstick date: all of them, and class 2 alone (A-W10)."""
    people = known.people(target.categories, county.region_code)
    second = known.people(target.groups.get("class_2", ()), county.region_code)
    hukou = _hukou(known, people)
    return {
        DEFAULT: indicators_people.registered_in(people, hukou, county.region_code),
        CLASS_2: indicators_people.registered_in(second, hukou, county.region_code),
    }


def _hukou(known: _Known, people: pl.Series) -> pl.DataFrame:
    """person_key, hsreg_county: 户籍 as the latest roster row shows it; who shows none is left out."""
    home, files, links = known.year.home, known.year.files, known.year.people.links
    keys = keys_of(people, links)
    rows = lake.scan(home, "roster", files).filter(
        pl.col("id_key").is_in(keys.implode()) & pl.col("hsreg_region").is_not_null()
    )
    order = versions.file_ranks(files).lazy().select("file_id", versions.RANK)
    alias = known.year.configuration.reference["region_alias"]
    county = county_of(pl.col("hsreg_region").str.slice(0, 6), alias, "roster", pl.lit(None, pl.Date))
    return (
        with_person(rows, links)
        .join(order, on="file_id")
        .select("person_key", versions.RANK, "source_row", hsreg_county=county)
        .collect(engine="streaming")
        .sort("person_key", versions.RANK, "source_row")
        .unique("person_key", keep="last", maintain_order=True)
        .select("person_key", "hsreg_county")
    )
