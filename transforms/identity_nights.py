"""Who is who after a night: only the people whom new rows touch are looked at again, with all of their rows.

Keys are put together, published and described from the rows of the keys that they have a tie to, and from nothing else
(`transforms.identity`). So people none of whose ties shows in a new row are as they were, and the others come out of
their own rows as they would out of all, in whatever order the files were received.
"""

from __future__ import annotations

import polars as pl

from transforms.identity import Known, People, in_findings_order, in_order, known_of
from transforms.newborns import Newborns, newborns
from transforms.versions import RANK, file_ranks

MOST_TOUCHED = 0.2
"""From this share of all people on, reading everything is as quick."""


def grown(
    before: Known, person: pl.LazyFrame, new: pl.LazyFrame, files: pl.DataFrame, roster: pl.LazyFrame
) -> Known | None:
    """What `identity.known` gives, from what it gave before files were added; None where most of it would be new.

    `person`: core rows of all files in force, with those of the added ones, `new`. `before`: of all other files, each
    of them as it is now, without confirmed pairs. `roster`: rows of all files.
    """
    fresh = new.select("id_key", "psn_key", "untyped_key").collect()
    born = newborns(roster, files, person.select("id_key", "birth_year"))
    ties = [
        before.ties,
        *(fresh.select("id_key", tie=name).drop_nulls() for name in ("psn_key", "untyped_key")),
    ]
    keys = tied(
        pl.concat([fresh["id_key"], turned(before.born, born)]), pl.concat([*ties, *pairs(before.born, born)])
    )
    if len(keys) > MOST_TOUCHED * before.found.people.height + 1_000:
        return None
    theirs = in_order(
        person.filter(pl.col("id_key").is_in(keys.implode())), file_ranks(files).select("file_id", RANK)
    )
    own = Newborns(*(frame.filter(pl.nth(0).is_in(keys.implode())) for frame in born))
    return joined(before, known_of(theirs, files, own), keys)._replace(born=born)


def tied(keys: pl.Series, ties: pl.DataFrame) -> pl.Series:
    """These id_keys and all others that ties (`id_key, tie`) connect with them."""
    found = last = keys.unique()
    while not last.is_empty():
        own = ties.filter(pl.col("id_key").is_in(last.implode()))["tie"].unique()
        holders = ties.filter(pl.col("tie").is_in(own.implode()))["id_key"].unique()
        last = holders.filter(~holders.is_in(found.implode()))
        found = pl.concat([found, last])
    return found


def pairs(*born: Newborns) -> list[pl.DataFrame]:
    """Newborns and those who are, or may be, the same person, as ties."""
    return [
        frame.select(id_key=pl.nth(number), tie=pl.nth(0))
        for each in born
        for frame in each
        for number in (0, 1)
    ]


def turned(before: Newborns, born: Newborns) -> pl.Series:
    """id_keys of the pairs that are told otherwise than before."""
    both = [pl.concat(frames) for frames in zip(before, born, strict=True)]
    other = [frame.filter(frame.is_unique()) for frame in both]
    return pl.concat(frame.to_series(number).rename("id_key") for frame in other for number in (0, 1))


def joined(before: Known, mine: Known, keys: pl.Series) -> Known:
    """What was known of other people, and what is known now of these (`keys`)."""

    def others(frame: pl.DataFrame, key: str) -> pl.DataFrame:
        return frame.filter(~pl.col(key).is_in(keys.implode()))

    was, now = before.found, mine.found
    links = pl.concat([others(was.links, "id_key"), now.links]).sort("id_key")
    findings = pl.concat([others(was.findings, "person_key"), now.findings])
    ties = pl.concat([others(before.ties, "id_key"), mine.ties])
    return Known(
        People(links, described(was.people, now.people, keys), in_findings_order(findings)), ties, mine.born
    )


def described(was: pl.DataFrame, now: pl.DataFrame, keys: pl.Series) -> pl.DataFrame:
    """One row per person_key, ascending: of those named by `keys` from `now`. Each row is moved only once."""
    both = pl.concat([was, now])
    rows = both.select("person_key", _row=pl.int_range(pl.len()))
    stay = (pl.col("_row") >= was.height) | ~pl.col("person_key").is_in(keys.implode())
    return both[rows.filter(stay).sort("person_key")["_row"]]
