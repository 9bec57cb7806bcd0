"""Monthly rosters (P-29, P-32): what came when, and whether 在册 = 在册 of the month before + 新增 − 减少.

`listed` is `certificates.MONTHLY`: county_code, region_code, department, code, list_kind, _month, person_key,
received_on, file_id, _credible. Lists of one county, department and category are one list, however many townships
send their own file.
"""

from __future__ import annotations

from datetime import date

import polars as pl

LIST = ["county_code", "department", "code"]
NEVER = date(9999, 12, 31)
"""Interval of what was announced after the last list: nothing yet shows what came of it."""
BREAKS = pl.Schema(
    {
        "county_code": pl.String, "department": pl.String, "code": pl.String, "_month": pl.Date,
        "break": pl.String, "person_key": pl.Int64,
    }
)  # fmt: skip
BREAK_TEXTS = {
    "vanished": "上月在册、本月不在册，也不在减少名单",
    "appeared": "本月在册、上月不在册，也不在新增名单",
    "added_not_listed": "在新增名单，不在当月在册名单",
    "removed_still_listed": "在减少名单，仍在当月在册名单",
    "removed_never_in": "在减少名单，从未在册",
    "added_already_in": "在新增名单，上月已在册",
    "both": "同月既新增又减少",
}
"""What is wrong with one person on the lists of a month → the words for the department."""


def delivered(due: pl.DataFrame, listed: pl.DataFrame, on: date) -> pl.DataFrame:
    """Every list that is due, with what came of it: + received_on, n_rows, status.

    `due`: county_code, department, code, list_kind, _month, due_on, strict_due_on. A county's list has come when the
    last of its parts has come (each with its first delivery). status: `on_time`, `late`; `partial` where the list
    ends nobody (`_credible`) or lacks a part that the list before had; without rows `none` where nothing was to be
    sent (an announcement of a month in which nobody came or went, or a list on which nobody is left), else `missing`,
    and `pending` up to the due day.
    """
    key = [*LIST, "list_kind", "_month"]
    parts = listed.group_by(*key, "region_code").agg(
        pl.col("received_on").min(),
        pl.col("_credible").all(),
        pl.col("person_key").n_unique().alias("n_rows"),
    )
    came = parts.group_by(key).agg(
        pl.col("received_on").max(),
        pl.col("n_rows").sum().cast(pl.Int64),
        pl.col("_credible").all(),
        pl.col("region_code").unique().alias("_parts"),
    )
    before = came.sort("_month").with_columns(_lacks=_lacking())
    expected = needed(listed)
    rows = due.join(before, on=key, how="left", nulls_equal=True).join(
        expected, on=key, how="left", nulls_equal=True
    )
    whole = (pl.col("list_kind") != "在册") | (pl.col("_credible") & ~pl.col("_lacks"))
    overdue = pl.lit(on) > pl.col("due_on")
    return (
        rows.with_columns(
            status=pl.when(pl.col("received_on").is_not_null())
            .then(
                pl.when(~whole)
                .then(pl.lit("partial"))
                .when(pl.col("due_on").is_null())
                .then(pl.lit("received"))
                .when(pl.col("received_on") <= pl.col("due_on"))
                .then(pl.lit("on_time"))
                .otherwise(pl.lit("late"))
            )
            .when(~pl.col("_needed"))
            .then(pl.lit("none"))
            .when(overdue.fill_null(False))
            .then(pl.lit("missing"))
            .otherwise(pl.lit("pending")),
            n_rows=pl.col("n_rows").fill_null(0),
        )
        .drop("_credible", "_parts", "_lacks", "_needed")
        .sort("county_code", "_month", "department", "code", "list_kind")
    )


def _lacking() -> pl.Expr:
    """Whether a list lacks a part (region code) that the one before had."""
    before = pl.col("_parts").shift(1).over(*LIST, "list_kind")
    return before.list.set_difference("_parts").list.len().fill_null(0) > 0


def needed(listed: pl.DataFrame) -> pl.DataFrame:
    """Lists that may stay away: LIST, list_kind, _month, `_needed` (false).

    Announcements of a month for which the 在册 lists before and after show nobody who came or left unannounced; those
    of the first list of all; every list after one from which every single person was removed.
    """
    walk = intervals(listed)
    kinds = ["新增", "减少"]
    closed = walk.filter("_was_known", "_is_known").group_by(*LIST, "_from", "_interval").agg(
        (~pl.col("was") & pl.col("is") & ~pl.col("added")).any().alias("新增"),
        (pl.col("was") & ~pl.col("is") & ~pl.col("removed")).any().alias("减少"),
    )  # fmt: skip
    months = pl.date_ranges(pl.col("_from").dt.offset_by("1mo"), "_interval", "1mo").alias("_month")
    quiet = (
        closed.unpivot(
            on=kinds, index=[*LIST, "_from", "_interval"], variable_name="list_kind", value_name="_any"
        )
        .filter(~pl.col("_any"))
        .select(*LIST, "list_kind", months)
        .explode("_month")
    )
    first = walk.filter("_is_known", ~pl.col("_was_known")).select(*LIST, _month="_interval").unique()
    emptied = (
        walk.filter("_was_known", ~pl.col("_is_known"))
        .group_by(LIST)
        .agg(
            (pl.col("was") | pl.col("added")).sum().alias("n"),
            pl.col("removed").sum().alias("gone"),
            pl.col("_left").max(),
        )
        .filter(pl.col("n") == pl.col("gone"))
    )
    since = pl.date_ranges(pl.col("_left"), pl.col("_left").dt.offset_by("24mo"), "1mo").alias("_month")
    after = emptied.select(*LIST, since).explode("_month")

    def each(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
        return frame.join(pl.DataFrame({"list_kind": names}), how="cross").select(quiet.columns)

    none = pl.concat([quiet, each(first, kinds), each(after, ["在册", *kinds])])
    return none.unique().with_columns(_needed=pl.lit(False))


def intervals(listed: pl.DataFrame) -> pl.DataFrame:
    """Who was on the list before, was announced, and is on the list now: one row a person and interval.

    An interval runs from a credible 在册 list to the next one and is named by the month of the latter (`_interval`;
    `NEVER` after the last). Columns: LIST, `_interval`, `person_key`, was, added, removed, is, `_from` (month of the
    list before), `_left`, `_told` (latest month of a 减少, of any announcement), `_was_known`, `_is_known`: whether there is a list before, a list
    now. A month without a credible list is bridged: its announcements count towards the next list.
    """
    full = listed.filter((pl.col("list_kind") == "在册") & pl.col("_credible"))
    months = (
        full.select(*LIST, "_month").unique().sort(*LIST, "_month", nulls_last=True)
        .with_columns(_next=pl.col("_month").shift(-1).over(LIST).fill_null(NEVER))
    )  # fmt: skip
    people = full.select(*LIST, "_month", "person_key").unique()
    flags = ("was", "added", "removed", "is")

    def rows(frame: pl.DataFrame, name: str) -> pl.DataFrame:
        return frame.select(
            *LIST, "_interval", "person_key", *(pl.lit(flag == name).alias(flag) for flag in flags),
            (pl.col("_month") if name == "removed" else pl.lit(None, pl.Date)).alias("_left"),
            (pl.col("_month") if name in ("added", "removed") else pl.lit(None, pl.Date)).alias("_told"),
        )  # fmt: skip

    now = people.with_columns(_interval="_month")
    then = people.join(months, on=[*LIST, "_month"], nulls_equal=True).with_columns(_interval="_next")
    announced = (
        listed.filter(pl.col("list_kind") != "在册")
        .select(*LIST, "list_kind", "_month", "person_key")
        .unique()
    )
    placed = _next_list(announced, months)
    parts = [
        rows(now, "is"),
        rows(then, "was"),
        rows(placed.filter(pl.col("list_kind") == "新增"), "added"),
        rows(placed.filter(pl.col("list_kind") == "减少"), "removed"),
    ]
    first = months.select(*LIST, _interval="_next", _from="_month")
    return (
        pl.concat(parts)
        .group_by(*LIST, "_interval", "person_key")
        .agg(*(pl.col(flag).any() for flag in flags), pl.col("_left", "_told").max())
        .join(first, on=[*LIST, "_interval"], how="left", nulls_equal=True)
        .with_columns(_was_known=pl.col("_from").is_not_null(), _is_known=pl.col("_interval") < NEVER)
    )


def _next_list(announced: pl.DataFrame, months: pl.DataFrame) -> pl.DataFrame:
    """Announcements with the month of the first list of theirs that comes with or after them."""
    lists = months.select(*LIST, _interval="_month").sort("_interval")
    return announced.sort("_month").join_asof(
        lists, left_on="_month", right_on="_interval", by=LIST, strategy="forward", check_sortedness=False
    ).with_columns(pl.col("_interval").fill_null(NEVER))  # fmt: skip


def breaks(listed: pl.DataFrame) -> pl.DataFrame:
    """Everybody with whom 在册(M) = 在册(M−1) + 新增 − 减少 does not come out, with the reason (`BREAKS`)."""
    both = (
        listed.filter(pl.col("list_kind") != "在册")
        .group_by(*LIST, "_month", "person_key")
        .agg(pl.col("list_kind").n_unique().alias("n"))
        .filter(pl.col("n") > 1)
        .with_columns(pl.lit("both").alias("break"))
    )
    was, added, removed, is_on = (pl.col(name) for name in ("was", "added", "removed", "is"))
    then, now = pl.col("_was_known"), pl.col("_is_known")
    why = (
        pl.when(added & removed).then(pl.lit(None, pl.String))
        .when(then & was & ~is_on & ~removed & now).then(pl.lit("vanished"))
        .when(then & ~was & is_on & ~added & now & ~removed).then(pl.lit("appeared"))
        .when(then & ~was & ~added & removed).then(pl.lit("removed_never_in"))
        .when(now & removed & is_on).then(pl.lit("removed_still_listed"))
        .when(then & was & added).then(pl.lit("added_already_in"))
        .when(now & added & ~is_on).then(pl.lit("added_not_listed"))
    )  # fmt: skip
    walk = intervals(listed)
    told = pl.when(pl.col("_interval") < NEVER).then("_interval").otherwise("_told")
    found = walk.with_columns(why.alias("break"), _month=pl.coalesce(told, "_from")).filter(
        pl.col("break").is_not_null()
    )
    columns = BREAKS.names()
    return (
        pl.concat([both.select(columns), found.select(columns)]).cast(BREAKS).sort(columns, nulls_last=True)
    )


def sums(listed: pl.DataFrame) -> pl.DataFrame:
    """Lists whose numbers do not come out: LIST, _month, before, added, removed, now, expected."""
    walk = intervals(listed).filter("_was_known", "_is_known")
    counted = walk.group_by(*LIST, "_interval").agg(
        before=pl.col("was").sum(), added=pl.col("added").sum(), removed=pl.col("removed").sum(), now=pl.col("is").sum()
    )  # fmt: skip
    numbers = counted.with_columns(pl.col("before", "added", "removed", "now").cast(pl.Int64)).with_columns(
        expected=pl.col("before") + pl.col("added") - pl.col("removed")
    )
    return (
        numbers.filter(pl.col("expected") != pl.col("now"))
        .rename({"_interval": "_month"})
        .sort(*LIST, "_month", nulls_last=True)
    )
