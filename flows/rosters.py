"""Rosters of a cost year: certificates and households, each row read under the policy of its own county."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from flows.configuration import Configuration
from schemas.reference import FALLBACK_POLICY, identity_codes
from stores import lake
from stores.errors import OperatorError
from stores.home import Home
from transforms import places
from transforms.certificates import MONTHLY, Certificates, certificates
from transforms.decisions import OnFacts
from transforms.households import SPELLS, memberships, of_year, with_moves
from transforms.identity import People
from transforms.roster_confirmed import CONFIRMED


@dataclass(frozen=True)
class Rosters:
    """certificates, spans, findings: `transforms.certificates`, over all policies; members, households: of the year,
    under the household's last number; aliases: household_id → year_household_id; listed: who stood on which monthly
    list of this year and the one before, where lists are due (`certificates.MONTHLY`); held: memberships over all times;
    needed: the lists that count only because a decision confirms them (`roster_confirmed.LIST`).
    """

    certificates: pl.DataFrame
    spans: pl.DataFrame
    members: pl.DataFrame
    households: pl.DataFrame
    aliases: pl.DataFrame
    findings: pl.DataFrame
    listed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=MONTHLY))
    held: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SPELLS))
    needed: pl.DataFrame = field(default_factory=lambda: CONFIRMED.to_frame().drop("no"))


def read_rosters(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    year: int,
    ruled: OnFacts | None = None,
    confirmed: pl.DataFrame | None = None,
) -> Rosters:
    """What the rosters of the files in force say of a cost year.

    `ruled`: households by decision; `confirmed`: complete lists by decision (`roster_confirmed.CONFIRMED`).
    """
    roster = lake.scan(home, "roster", files)
    refused = lake.scan(home, "roster_refused", files)
    parts = by_policy(roster, refused, files, configuration, people, year, confirmed)
    spans = pl.concat([part.spans for part in parts])
    held = memberships(roster, files, people.links, people.people.select("person_key", "deceased_on"))
    if ruled is not None:
        held = with_moves(held, ruled.moved)
    found = of_year(held, spans, year, None if ruled is None else ruled.joined)
    members = found.members.drop("household_id").rename({"unit_household_id": "household_id"})
    names = category_names(configuration)
    findings = [
        part.findings.select(
            "region_code",
            "department",
            "code",
            "person_key",
            "file_id",
            "suggestion",
            month="list_month",
            rule_id="rule",
            finding=named_list(names),
            n_rows=pl.col("rows").cast(pl.Int64),
        )
        for part in parts
    ]
    findings.append(
        found.findings.select("household_id", rule_id="rule", finding="message_zh", n_rows=pl.col("rows"))
    )
    return Rosters(
        pl.concat([part.facts for part in parts]),
        spans,
        merged(members),
        under_person_keys(found.households, people),
        found.members.select("household_id", year_household_id="unit_household_id").unique(),
        pl.concat(findings, how="diagonal_relaxed"),
        pl.concat([part.listed for part in parts]),
        held,
        pl.concat([part.needed for part in parts]),
    )


LIST_RULES = ("month_without_list", "list_without_month", "list_shrank", "list_lacks_townships")
"""Findings about a whole list, which is named by department, category and month."""


def category_names(configuration: Configuration) -> dict[str, str]:
    """Category code → 名称."""
    table = configuration.reference["category"]
    return dict(table.select("code", "name_zh").iter_rows())


def named_list(names: dict[str, str]) -> pl.Expr:
    """The finding; one about a list with the list that it speaks of before it."""
    code = pl.col("code").replace(names)
    words = [
        pl.col("department"),
        pl.when(~code.str.starts_with("?")).then(code),
        pl.col("list_month").cast(pl.String),
    ]
    which = pl.concat_str(words, separator=" ", ignore_nulls=True)
    message = pl.col("message_zh")
    return pl.when(pl.col("rule").is_in(LIST_RULES)).then(which + "：" + message).otherwise(message)


def by_policy(
    roster: pl.LazyFrame,
    refused: pl.LazyFrame,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    year: int,
    confirmed: pl.DataFrame | None,
) -> list[Certificates]:
    """Certificates of the counties under each policy; wordings mean what that policy says."""
    alias = configuration.reference["region_alias"]
    groups = regions_by_policy(roster, refused, configuration)
    due = {r.policy.id for r in configuration.policies.rules.values() if r.rule.kind == "roster_due"}
    found = []
    for name, of_policy in groups or [(FALLBACK_POLICY, pl.LazyFrame(schema={"region_code": pl.String}))]:
        share, rows = shrink_limits(configuration, name)
        found.append(
            certificates(
                roster.join(of_policy, on="region_code", how="semi"),
                files,
                people.links,
                identity_codes(configuration.reference, name),
                alias,
                confirmed,
                share,
                rows,
                refused.join(of_policy, on="region_code", how="semi"),
                (date(year - 1, 1, 1), date(year, 12, 1)) if name in due else None,
            )
        )
    return found


def regions_by_policy(
    roster: pl.LazyFrame, refused: pl.LazyFrame, configuration: Configuration
) -> list[tuple[str, pl.LazyFrame]]:
    """Policy id and the region_code of the rosters whose wordings mean what that policy says."""
    alias = configuration.reference["region_alias"]
    both = pl.concat([roster.select("region_code"), refused.select("region_code")])
    codes = both.unique().collect(engine="streaming").sort("region_code")
    county = places.county_of(pl.col("region_code").str.slice(0, 6), alias, "roster", pl.lit(None, pl.Date))
    policy = [policy_of(configuration, code) for code in codes.select(county.alias("county"))["county"]]
    named = codes.with_columns(policy=pl.Series(policy, dtype=pl.String))
    return [
        (str(name), group.lazy().select("region_code"))
        for (name,), group in named.group_by("policy", maintain_order=True)
    ]


def shrink_limits(configuration: Configuration, policy: str) -> tuple[float, int]:
    """From which share and number of people fewer a 在册 list ends nobody (roster_check.csv)."""
    table = configuration.reference["roster_check"].sort(pl.col("policy") == "*")
    own = table.filter(pl.col("policy").is_in([policy, "*"]))
    if own.is_empty():
        raise OperatorError(f"参考表 roster_check.csv 没有政策 {policy} 或 * 的行，请补充")
    return float(own["shrink_share"][0]), int(own["shrink_rows"][0])


def policy_of(configuration: Configuration, county: str) -> str:
    """Id of the policy whose wordings hold in a county: its own, else the provincial one."""
    own = configuration.policies.policies_of(county)
    return own[0].id if own else FALLBACK_POLICY


def merged(members: pl.DataFrame) -> pl.DataFrame:
    """Memberships under the household's last number; two numbers of one household make one spell of it."""
    new = (
        (pl.col("person_key") != pl.col("person_key").shift(1))
        | (pl.col("household_id") != pl.col("household_id").shift(1))
        | (pl.col("valid_from").sub(pl.duration(days=1)) > pl.col("valid_to").shift(1))
    )
    return (
        members.sort("person_key", "valid_from", "household_id")
        .with_columns(_run=new.fill_null(True).cum_sum())
        .group_by("_run", maintain_order=True)
        .agg(
            pl.col("person_key").first(),
            pl.col("household_id").first(),
            pl.col("valid_from").min(),
            pl.col("valid_to").max(),
            pl.col("held_from").min(),
            pl.col("held_to").max(),
        )
        .drop("_run")
    )


def under_person_keys(households: pl.DataFrame, people: People) -> pl.DataFrame:
    """Households with the published key of their head."""
    linked = people.links.select(head_key="id_key", _head="person_key")
    return (
        households.join(linked, on="head_key", how="left", maintain_order="left")
        .with_columns(pl.coalesce("_head", "head_key").alias("head_key"))
        .drop("_head")
    )
