"""Decisions in a run: read from the lake, put to the facts and to the lines, and held against what they were made on.

Whether a decision is stale is a question to the files alone: the year is assessed once more from what had been
received on the day the decision came, and the facts of its line are compared. What that gave is kept under a name made
of its inputs (`lake/decided/`), so that it is computed once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from flows.configuration import Configuration
from schemas.assistance import COMPUTED
from schemas.policy import HouseholdCap
from schemas.premium import COMPUTED as PREMIUM_READINGS
from stores import closing, lake
from stores.home import Home
from stores.state import code_version
from transforms import decided_lines, decisions, roster_confirmed
from transforms.decided_lines import OnLines
from transforms.decisions import OnFacts
from transforms.identity import People
from transforms.ledger import Ids, benefit_ids
from transforms.roster_confirmed import ListWords
from transforms.rules.manual import Manual
from transforms.rules.readings import LETTERS
from transforms.units import Units, unit_people

if TYPE_CHECKING:
    from flows.assistance import Drafted
    from flows.premium import Premiums

ASIDE = ("payee", "feedback", "declaration", "fund_ledger", "application", "deposit", "deceased")
"""Tables that no benefit line is computed from."""
Replay = Callable[[pl.DataFrame, date], pl.DataFrame]
"""Files in force on a day and a date of the run → fingerprints of all lines."""


@dataclass(frozen=True)
class Early:
    """Decisions that may bear on the year, and what they say of settlements and households."""

    decisions: pl.DataFrame
    facts: OnFacts


def early(home: Home, files: pl.DataFrame, people: People, year: int, on: date) -> Early:
    """The decisions of a year, put to the facts."""
    rows = lake.scan(home, "decision", files)
    found = decisions.made(rows, files, people.links, year, on)
    if found.is_empty():
        nobody, nothing = pl.Series([], dtype=pl.Int64), pl.Series([], dtype=pl.String)
        rows_of = lake.scan(home, "setl_d", files)
        return Early(found, decisions.on_facts(found, rows_of, nothing, nothing, nobody, people.links))
    codes = pl.concat(
        [
            lake.scan(home, table, files).select("institution_code")
            for table in ("fixmedins_b", "institution_name")
        ]
    )
    told = decisions.on_facts(
        found,
        lake.scan(home, "setl_d", files),
        codes.unique().collect()["institution_code"],
        lake.scan(home, "roster", files)
        .select("household_id")
        .drop_nulls()
        .unique()
        .collect()["household_id"],
        people.people["person_key"],
        people.links,
    )
    return Early(decisions.with_states(found, told.told), told)


def on_lines(
    early_: Early,
    caps: list[tuple[HouseholdCap, Units]],
    visits: list[Drafted],
    premiums: Premiums,
    aliases: pl.DataFrame,
    year: int,
    ids: Ids,
) -> OnLines:
    """What the decisions say of the lines of the household caps, of those of single visits, and of premium subsidies."""
    lines, people = [decided_lines.LINES.to_frame()], [_no_people()]
    for cap, found in caps:
        own = found.units.select("unit_id", "household_id").with_columns(
            benefit_id=benefit_ids(found.units["unit_id"], cap.rule_id, year, ids),
            rule_id=pl.lit(cap.rule_id),
            settlement_id=pl.lit(None, pl.String),
        )
        lines.append(own.select(decided_lines.LINES.names()))
        members = unit_people(found).join(own.select("unit_id", "benefit_id"), on="unit_id")
        people.append(members.select("person_key", "benefit_id"))
    if not early_.decisions.is_empty():
        for each in visits:
            lines.append(decided_lines.visit_lines(each.drafts, each.found.settlements, each.given.members))
            people.append(each.drafts.select("person_key", "benefit_id"))
        for subsidy in premiums.drafted:
            own = subsidy.found.lines
            lines.append(decided_lines.person_lines(own))
            people.append(own.select("person_key", "benefit_id"))
    return decided_lines.on_lines(
        early_.decisions,
        pl.concat(lines),
        pl.concat(people).unique(),
        aliases,
        computable(caps, visits, premiums),
        year,
    )


def _no_people() -> pl.DataFrame:
    return pl.DataFrame(schema={"person_key": pl.Int64, "benefit_id": pl.String})


def computable(
    caps: list[tuple[HouseholdCap, Units]], visits: list[Drafted], premiums: Premiums
) -> pl.DataFrame:
    """rule_id, reading_key, reading: the readings of each rule that a decision may choose."""
    rows = (
        {
            (cap.rule_id, key, letter)
            for cap, _ in caps
            for key, default in cap.readings.items()
            for letter in {default, *LETTERS.get(key, "")}
        }
        | {
            (rule.rule_id, key, letter)
            for each in visits
            for rule in each.rules.rules.values()
            for key, default in each.rules.readings.items()
            for letter in {default, *COMPUTED.get(key, "")}
        }
        | {
            (rule.rule_id, key, letter)
            for each in premiums.drafted
            for rule in (*each.subsidy.tier1.values(), *([each.subsidy.tier2] if each.subsidy.tier2 else []))
            for key, default in rule.readings.items()
            for letter in {default, *PREMIUM_READINGS[key]}
        }
    )
    schema = {"rule_id": pl.String, "reading_key": pl.String, "reading": pl.String}
    return pl.DataFrame(sorted(rows), schema=schema, orient="row")


def rulings(home: Home, lines: OnLines, on: date) -> pl.DataFrame:
    """DECIDED of all lines, with the amounts of the lists closed by then."""
    return decided_lines.with_closed(lines.rulings, closing.closed_lines(home, on))


def stale(
    home: Home,
    files: pl.DataFrame,
    configuration: Configuration,
    year: int,
    asked: pl.DataFrame,
    now: pl.DataFrame,
    replay: Replay,
) -> pl.Series:
    """benefit_id of the lines whose facts have changed since the decision on them was received.

    `asked`: benefit_id, received_on; `now`: fingerprints of this run; `replay` computes those of an earlier day.
    """
    then: dict[object, pl.DataFrame] = {}
    key_now = _key(home, files, configuration, year)
    for day in asked["received_on"].unique().sort():
        held = lake.files_in_force(home, day)
        key = _key(home, held, configuration, year)
        path = home.lake / "decided" / str(year) / f"{key}.parquet"
        if not path.exists():
            found = now if key == key_now else replay(held, max(day, date(year + 1, 1, 1)))
            lake.write_parquet(found, path)
        then[day] = pl.read_parquet(path)
    return decided_lines.stale_lines(asked, now, then)


def _key(home: Home, files: pl.DataFrame, configuration: Configuration, year: int) -> str:
    """Name of the fingerprints that these files give: a hash of all that they depend on."""
    bearing = files.filter(~pl.col("table").is_in(list(ASIDE))) if files.height else files
    rows = bearing.select("file_id", "received_on").sort("file_id").iter_rows()
    parts = [str(year), code_version(), configuration.policy_hash, configuration.reference_hash]
    parts += [f"{file_id}@{day}" for file_id, day in rows]
    parts.append(hashlib.sha256(home.secret()).hexdigest())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def fingerprints(tables: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """benefit_id, facts of result tables; none where no rule applies."""
    if "benefit_line" not in tables:
        return pl.DataFrame(schema={"benefit_id": pl.String, "facts": pl.String})
    gaps = tables.get(
        "cap_gap", pl.DataFrame(schema={"benefit_id": pl.String, "incomplete_reason": pl.String})
    )
    return decided_lines.fingerprints(tables["benefit_line"], tables["benefit_item"], gaps)


def stacked(*parts: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The rows of several results below each other, table by table."""
    names = {name: None for part in parts for name in part}
    return {
        name: pl.concat([part[name] for part in parts if name in part], how="diagonal_relaxed")
        for name in names
    }


def lost(early_: Early, lines: OnLines) -> pl.DataFrame:
    """no, benefit_id, received_on: decisions on a 待遇编号 that no line of the year has."""
    found = lines.told.filter(pl.col("state") == "unknown_object").select("no")
    named = pl.col("object_id").str.contains(r"^B[0-9A-Z]{13}$")
    rows = early_.decisions.join(found, on="no", how="semi").filter((pl.col("object_kind") == "待遇") & named)
    return rows.select("no", "received_on", benefit_id="object_id")


def asked(early_: Early, lines: OnLines) -> pl.DataFrame:
    """benefit_id, received_on of every decision whose facts may have changed."""
    return (
        pl.concat([lines.asked, lost(early_, lines).select("benefit_id", "received_on")])
        .unique()
        .sort(pl.all())
    )


def mart_rows(
    early_: Early,
    lines: OnLines,
    by_hand: Manual,
    changed: pl.Series,
    lists: ListWords,
    needed: pl.DataFrame,
    year: int,
) -> pl.DataFrame:
    """`mart.decision` of a cost year. `needed`: the lists that count only because a decision confirms them."""
    told = [lines.told, by_hand.told, lists.told, roster_confirmed.unneeded(lists, needed)]
    states = decisions.with_states(early_.decisions, pl.concat(told))
    rows = lost(early_, lines).filter(pl.col("benefit_id").is_in(changed.implode()))
    return decided_lines.mart_rows(
        states,
        pl.concat([lines.matched, by_hand.matched]),
        changed,
        pl.concat([rows["no"], lists.stale]),
        roster_confirmed.of_year(lists, year),
        year,
    )


def ended_by_lists(
    early_: Early, lists: ListWords, needed: pl.DataFrame, certificates: pl.DataFrame
) -> pl.DataFrame:
    """person_key, category, valid_to, and file_id, sheet, source_row of the decision: certificates that end because a
    decision confirms a list on which their holder does not stand.
    """
    place = early_.decisions.select("no", "file_id", "sheet", "source_row")
    ended = roster_confirmed.ended_people(needed, lists.confirmed, certificates)
    return ended.join(place, on="no", maintain_order="left").drop("no").rename({"code": "category"})
