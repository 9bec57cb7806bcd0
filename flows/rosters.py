"""Rosters of a cost year: certificates and households, each row read under the policy of its own county."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from flows.configuration import Configuration
from schemas.reference import FALLBACK_POLICY, identity_codes
from stores import lake
from stores.home import Home
from transforms import places
from transforms.certificates import Certificates, certificates
from transforms.decisions import OnFacts
from transforms.households import memberships, of_year, with_moves
from transforms.identity import People


@dataclass(frozen=True)
class Rosters:
    """certificates, spans, findings: `transforms.certificates`, over all policies; members, households: of the year,
    under the household's last number; aliases: household_id → year_household_id.
    """

    certificates: pl.DataFrame
    spans: pl.DataFrame
    members: pl.DataFrame
    households: pl.DataFrame
    aliases: pl.DataFrame
    findings: pl.DataFrame


def read_rosters(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    people: People,
    year: int,
    ruled: OnFacts | None = None,
) -> Rosters:
    """What the rosters of the files in force say of a cost year; `ruled`: households by decision."""
    roster = lake.scan(home, "roster", files)
    parts = by_policy(roster, files, configuration, people)
    spans = pl.concat([part.spans for part in parts])
    held = memberships(roster, files, people.links, people.people.select("person_key", "deceased_on"))
    if ruled is not None:
        held = with_moves(held, ruled.moved)
    found = of_year(held, spans, year, None if ruled is None else ruled.joined)
    members = found.members.drop("household_id").rename({"unit_household_id": "household_id"})
    findings = [
        part.findings.select(
            "region_code",
            "person_key",
            "file_id",
            month="list_month",
            rule_id="rule",
            finding="message_zh",
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
    )


def by_policy(
    roster: pl.LazyFrame, files: pl.DataFrame, configuration: Configuration, people: People
) -> list[Certificates]:
    """Certificates of the counties under each policy; wordings mean what that policy says."""
    alias = configuration.reference["region_alias"]
    codes = roster.select("region_code").unique().collect(engine="streaming")
    county = places.county_of(pl.col("region_code").str.slice(0, 6), alias, "roster", pl.lit(None, pl.Date))
    policy = [policy_of(configuration, code) for code in codes.select(county.alias("county"))["county"]]
    named = codes.with_columns(policy=pl.Series(policy, dtype=pl.String))
    found = []
    for (name,), group in named.group_by("policy", maintain_order=True):
        rows = roster.join(group.lazy().select("region_code"), on="region_code", how="semi")
        labels = identity_codes(configuration.reference, str(name))
        found.append(certificates(rows, files, people.links, labels, alias))
    if not found:
        found.append(
            certificates(
                roster, files, people.links, identity_codes(configuration.reference, FALLBACK_POLICY), alias
            )
        )
    return found


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
