"""Complete lists that a decision confirms (semantics: rosters, decisions; 审核决定 with 对象类型 名单).

A list that shrinks too much, or lacks townships, ends nobody. A 确认 on it says that it is complete: whoever is not on
it has left. That holds for the list that was there when the decision came. A list that has more people since is as
complete as it was (stale, still confirmed); one that has lost people, because a file was withdrawn, is another list
(stale, no longer confirmed); one that came later was not decided on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import polars as pl

from transforms import decisions as dec
from transforms.certificates import SCOPE
from transforms.list_number import parsed, tidy

ASKED = pl.Schema(
    {
        "no": pl.UInt32, "received_on": pl.Date, "region_code": pl.String, "department": pl.String,
        "code": pl.String, "list_month": pl.Int32, "file_id": pl.String,
    }
)  # fmt: skip
"""A decision on a list: its number in four parts (file_id null), or a file of it (the others null)."""
LIST = (*SCOPE, "list_month")
CONFIRMED = pl.Schema([(name, kind) for name, kind in ASKED.items() if name in ("no", *LIST)])
"""A list that is confirmed, and the decision that does it."""


class ListWords(NamedTuple):
    """What the decisions say of lists.

    confirmed: CONFIRMED, one row a list. meant: the same for each decision and every list that it stands on.
    stale: `no` of decisions whose list has other people since. told: TOLD.
    """

    confirmed: pl.DataFrame
    meant: pl.DataFrame
    stale: pl.Series
    told: pl.DataFrame


def no_words() -> ListWords:
    """No list is decided on."""
    return ListWords(
        CONFIRMED.to_frame(), CONFIRMED.to_frame(), pl.Series("no", [], dtype=pl.UInt32), dec.nothing_told()
    )


def asked_lists(decisions: pl.DataFrame, categories: Mapping[str, str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(ASKED: the decisions on lists that can be read; told: the others). `categories`: code → 名称."""
    by_name = {name: code for code, name in categories.items()} | {code: code for code in categories}
    rows = dec.standing(decisions, "list").with_columns(_object=tidy(pl.col("object_id")))
    rows = rows.select("no", "received_on", *parsed(pl.col("_object"))).with_columns(
        code=pl.col("category")
        .str.to_uppercase()
        .replace_strict(by_name, default=None, return_dtype=pl.String)
    )
    readable = pl.col("file_id").is_not_null() | pl.col("code").is_not_null()
    bad = dec.told(rows.filter(~readable), "unreadable", "list_number")
    return rows.filter(readable).select(ASKED.names()).cast(ASKED), bad


def words(asked: pl.DataFrame, now: pl.DataFrame, then: Mapping[date, pl.DataFrame]) -> ListWords:
    """Which lists are confirmed, and what is told of the decisions that confirm none, or another one by now.

    `asked`: ASKED; `now`: LIST, person_key, file_id: who stands on the lists; `then`: the same as of each date on which
    one of the decisions was received.
    """
    meant = pl.concat([_by_number(asked, now), _by_file(asked, now)]).unique().sort("no", *LIST)
    lost = asked.join(meant, on="no", how="anti")
    of_files = pl.col("file_id").is_not_null()
    told = [
        dec.told(lost.filter(of_files), "unknown_object", "no_list_file"),
        dec.told(lost.filter(~of_files), "unknown_object", "no_list"),
    ]
    judged = meant.join(asked.select("no", "received_on"), on="no", maintain_order="left")
    parts = [
        _compared(group.drop("received_on"), now, then[day])
        for (day,), group in judged.group_by("received_on", maintain_order=True)
        if isinstance(day, date)
    ]
    schema = CONFIRMED | {"known": pl.Boolean, "fewer": pl.Boolean, "more": pl.Boolean}
    found = pl.concat([pl.DataFrame(schema=schema), *parts]).sort("no", *LIST)
    known = found.filter("known")
    later = found.join(known, on="no", how="anti").unique("no", maintain_order=True)
    holding = known.filter(~pl.col("fewer"))
    last = holding.unique(LIST, keep="last", maintain_order=True)
    fewer = known.filter("fewer").unique("no", maintain_order=True)
    replaced = holding.join(pl.concat([last, fewer], how="diagonal"), on="no", how="anti")
    more = last.filter("more")
    told += [
        dec.told(later, "unknown_object", "list_later"),
        dec.told(fewer, "standing", "list_fewer"),
        dec.told(replaced.unique("no", maintain_order=True), "replaced", "replaced"),
        dec.told(more.unique("no", maintain_order=True), "standing", "list_more"),
    ]
    stale = pl.concat([fewer["no"], more["no"]]).unique().sort()
    return ListWords(
        last.select(CONFIRMED.names()),
        known.select(CONFIRMED.names()),
        stale,
        pl.concat(told),
    )


def _by_number(asked: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """CONFIRMED: the lists that are named by their number and have come."""
    named = asked.filter(pl.col("file_id").is_null()).select(CONFIRMED.names())
    return named.join(now.select(LIST).unique(), on=LIST, how="semi", nulls_equal=True)


def _by_file(asked: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
    """CONFIRMED: the lists of which a named file holds anything."""
    named = asked.drop_nulls("file_id").select("no", "file_id")
    return named.join(now.select("file_id", *LIST).unique(), on="file_id").select(CONFIRMED.names())


def _compared(meant: pl.DataFrame, now: pl.DataFrame, then: pl.DataFrame) -> pl.DataFrame:
    """+ known (anybody stood on the list then), fewer, more: whether people have gone from it or come to it since."""
    person = [*LIST, "person_key"]
    lists = meant.select(LIST).unique()
    here = now.join(lists, on=LIST, how="semi", nulls_equal=True).select(person).unique()
    there = then.join(lists, on=LIST, how="semi", nulls_equal=True).select(person).unique()
    gone = there.join(here, on=person, how="anti", nulls_equal=True)
    come = here.join(there, on=person, how="anti", nulls_equal=True)
    for name, rows in (("known", there), ("fewer", gone), ("more", come)):
        seen = rows.select(LIST).unique().with_columns(pl.lit(True).alias(name))
        meant = meant.join(seen, on=LIST, how="left", nulls_equal=True, maintain_order="left")
    return meant.with_columns(pl.col("known", "fewer", "more").fill_null(False))


def of_year(words: ListWords, year: int) -> pl.Series:
    """`no` of the decisions whose first list is of a month of the year: that year's result tells what became of them."""
    first = words.meant.group_by("no").agg(pl.col("list_month").min())
    return first.filter(pl.col("list_month") // 100 == year)["no"].sort()


def unneeded(words: ListWords, needed: pl.DataFrame) -> pl.DataFrame:
    """Told: decisions none of whose lists would have been held back. `needed`: LIST of those that would have been."""
    for_some = words.meant.join(needed, on=LIST, how="semi", nulls_equal=True)
    idle = words.confirmed.join(for_some, on="no", how="anti").unique("no", maintain_order=True)
    return dec.told(idle, "standing", "list_not_held")


def ended_people(needed: pl.DataFrame, confirmed: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """no, person_key, code, valid_to: whose certificates end because a list counts that a decision confirms.

    `needed`: LIST of the lists that count only so; `confirmed`: CONFIRMED; `facts`: `certificates.FACTS`.
    """
    month = pl.date(pl.col("list_month") // 100, pl.col("list_month") % 100, 1)
    lists = confirmed.join(needed, on=LIST, how="semi", nulls_equal=True).select(
        "no", *SCOPE, valid_to=(month - pl.duration(days=1)).cast(pl.Date)
    )
    ended = facts.join(lists, on=[*SCOPE, "valid_to"], nulls_equal=True)
    return ended.select("no", "person_key", "code", "valid_to").unique().sort(pl.all())
