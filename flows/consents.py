"""Consent to passing on personal data (W-12) and cover by 惠民保 (Z-21), as the year's families ask for them."""

from __future__ import annotations

import polars as pl

from flows.premium import FINDING, finding
from flows.year import Tables, Year
from schemas.policy import PolicyRule
from stores import lake
from transforms.consent import consented, coverage
from transforms.identity import with_person
from transforms.spans import below, overlapping

CONSENT, COVER = "consent", "supplementary_cover"


def consent_findings(year: Year, tables: Tables) -> Tables:
    """Family: how many people of the rosters whose document asks for consent have given none; a missing table once."""
    notes = [FINDING.to_frame()]
    for rule in _rules(year, "consent"):
        people = _people(year, rule)
        if people.is_empty():
            continue
        if not lake.delivered(year.files, CONSENT):
            text = "未收到数据授权表，不能按授权控制个人信息推送"
            todo = "请报送数据授权表；收到以前不作限制，请先核对推送是否已有授权。"
            notes.append(finding(rule.id, None, text, todo, people.height))
            continue
        rows = with_person(lake.scan(year.home, CONSENT, year.files), year.people.links).collect()
        push = consented(rows, people, (rule.policy.territory,), year.on)
        for (county,), own in people.filter(pl.col("person_key").is_in(push.withheld.implode())).group_by(
            "region_code", maintain_order=True
        ):
            text = "没有有效的数据授权，不推送这些人员的个人信息"
            notes.append(
                finding(
                    rule.id, str(county), text, "请由乡镇街道在走访时取得授权后报送数据授权表。", own.height
                )
            )
    notes += _coverage_findings(year)
    return {"roster_finding": pl.concat(notes)}


def supplementary_coverage(year: Year, persons: pl.DataFrame) -> pl.DataFrame:
    """Z-21 for the indicators: region_code, n_covered (null: no 惠民保 table has come), n_persons.

    `persons`: person_key, region_code of the monitored people.
    """
    rows = None
    if lake.delivered(year.files, COVER):
        rows = with_person(lake.scan(year.home, COVER, year.files), year.people.links).collect()
    return coverage(rows, persons, year.year)


def _coverage_findings(year: Year) -> list[pl.DataFrame]:
    if lake.delivered(year.files, COVER):
        return []
    found = []
    for rule in _rules(year, "supplementary_coverage"):
        n = _people(year, rule).height
        if n:
            text = f"未收到 {year.year} 年度惠民保参保表，投保覆盖率不适用"
            found.append(finding(rule.id, None, text, "请向承保公司取得惠民保参保表后报送。", n))
    return found


def _rules(year: Year, kind: str) -> list[PolicyRule]:
    rules = year.configuration.policies.rules.values()
    return [rule for rule in rules if rule.rule.kind == kind and rule.policy.in_force <= year.until]


def _people(year: Year, rule: PolicyRule) -> pl.DataFrame:
    """person_key, region_code of the people of the rule's territory and categories on the yardstick date."""
    papers = overlapping(year.rosters.certificates.drop_nulls("code"), year.until, year.until)
    own = papers.filter(below("county_code", rule.policy.territory))
    if rule.rule.categories:
        own = own.filter(pl.col("code").is_in(list(rule.rule.categories)))
    return (
        own.select("person_key", region_code="county_code")
        .sort("person_key", "region_code")
        .unique("person_key", keep="first", maintain_order=True)
    )
