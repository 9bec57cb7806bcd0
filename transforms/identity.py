"""Who is who: the keys that belong to one person, and what is known of each person (semantics: persons).

Most people show one certificate number all along and need nothing. Only exceptional groups are looked at: rows with a
number of the platform (人员编号) and no certificate, one 人员编号 with two certificates, other certificates delivered
with and without their type, and what a department or a decision has confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl
from polars._typing import MaintainOrderJoin

from transforms.newborns import NOBODY, Newborns, newborns
from transforms.versions import OLDEST, RANK, file_ranks

LINKS = pl.Schema({"id_key": pl.Int64, "person_key": pl.Int64})
FINDINGS = pl.Schema(
    {
        "rule": pl.String,
        "person_key": pl.Int64,
        "other_key": pl.Int64,
        "file_id": pl.String,
        "message_zh": pl.String,
    }
)
ROWS_OF_A_FILE = 2**40
"""More than any file has."""
PLACES = ("counter", "live_addr", "hsreg_addr", "emp_name")
MESSAGES = {
    "check_digit": "身份证号校验位不正确，仍按原号计入，请核对",
    "psn_two_certificates": "同一人员编号有两个证件号码，未自动合并，请确认是否同一人",
    "untyped_ambiguous": "同一证件号码对应多种证件类型，未自动合并，请确认",
    "psn_region_ambiguous": "同一人员编号出现在多个统筹区，未自动合并，请确认",
    "newborn_number": "名册上的新生儿与后来有证件号的成员可能是同一人，未自动合并，请确认",
    "key_collision": "两个不同的证件号码得到同一个内部键，请联系维护人员",
}


class People(NamedTuple):
    """links: id_key, person_key, only where they differ. people: one row per person_key. findings: what to check.

    people: person_key, name_masked, certno_masked, birth_year, sex, deceased_on, dead, and for each kind of place
    (counter, live_addr, hsreg_addr, emp_name) the latest `<kind>_codes` (candidates joined by |) and `<kind>_village`.
    """

    links: pl.DataFrame
    people: pl.DataFrame
    findings: pl.DataFrame


class Known(NamedTuple):
    """People, and what tells later whom new rows touch.

    ties: id_key, tie: every 人员编号 and every number without its type that a key was seen with, some perhaps several
    times. Keys with a tie in common may be one person; keys without, never. born: newborns as they were linked.
    """

    found: People
    ties: pl.DataFrame
    born: Newborns


def people(
    person: pl.LazyFrame,
    files: pl.DataFrame,
    confirmed: pl.DataFrame | None = None,
    roster: pl.LazyFrame | None = None,
) -> People:
    """Links and people from the core person rows of the files in force.

    `confirmed`: `id_key, same_as` (pairs of keys that a correction list or a decision declares to be one person).
    `roster`: core roster rows, which show newborns before and after they have a number.
    """
    return known(person, files, confirmed, roster).found


def known(
    person: pl.LazyFrame,
    files: pl.DataFrame,
    confirmed: pl.DataFrame | None = None,
    roster: pl.LazyFrame | None = None,
) -> Known:
    """As `people`, with what a later night builds on (`transforms.identity_nights`)."""
    rows = in_order(person, file_ranks(files).select("file_id", RANK))
    birth_years = rows.lazy().select("id_key", "birth_year")
    born = NOBODY if roster is None else newborns(roster, files, birth_years)
    return known_of(rows, files, born, confirmed)


def known_of(
    rows: pl.DataFrame, files: pl.DataFrame, born: Newborns, confirmed: pl.DataFrame | None = None
) -> Known:
    """Who the people of these rows are. `rows`: in order, of all keys or of such that have no tie to others."""
    ranks = file_ranks(files).select("file_id", RANK)
    keys = by_key(rows)
    steady, changing = keys.filter(~pl.col("changing")), keys.filter("changing")["id_key"]
    several = rows.filter(pl.col("id_key").is_in(changing.implode()))
    shown = steady.select("id_key", psn_key=rows["psn_key"].gather(steady["_row"]))
    numbers = pl.concat([shown, several.select("id_key", "psn_key")]).drop_nulls()
    by_number, doubts = number_edges(rows, numbers, ranks)
    by_type, more_doubts = untyped_edges(rows)
    edges = [by_number, by_type, born.edges]
    more_doubts = pl.concat([more_doubts, _found("newborn_number", born.doubts, "newborn", "other")])
    if confirmed is not None:
        edges.append(confirmed.select(pl.col("id_key").alias("a"), pl.col("same_as").alias("b")))
    links = linked(pl.concat(edges).unique(), rows, ranks)
    doubts = resolved_doubts(pl.concat([doubts, more_doubts]), links)
    findings = pl.concat([doubts, wrong_digits(rows, links), collisions(several)])
    found = People(links, described(rows, keys, links), in_findings_order(findings))
    untyped = rows.select("id_key", tie="untyped_key").drop_nulls().unique()
    return Known(found, pl.concat([numbers.rename({"psn_key": "tie"}), untyped]), born)


def in_findings_order(findings: pl.DataFrame) -> pl.DataFrame:
    """Findings by rule and person."""
    return findings.sort("rule", "person_key", "other_key", nulls_last=True)


def in_order(person: pl.LazyFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    """The person rows of the ranked files in the order (file as received, sheet, row).

    Parts are read in the order of receipt, so millions of rows hardly ever need the sort: a look at the few runs of
    one file, and at where the row number falls, tells it.
    """
    rows = person.drop("name_key", strict=False).collect(engine="streaming")
    runs = rows.select(pl.col("file_id").rle()).unnest("file_id")
    rank = runs.join(ranks, left_on="value", right_on="file_id", how="left", maintain_order="left")[RANK]
    falls = rows.select(pl.arg_where(pl.col("source_row").diff() < 0)).to_series()
    one_sheet = rows["sheet"].null_count() == rows.height
    known = one_sheet and not rank.has_nulls()
    if known and rank.is_sorted() and falls.is_in(runs["len"].cum_sum().implode()).all():
        return rows
    ordered = rows.join(ranks, on="file_id").sort(RANK, "sheet", "source_row", nulls_last=False)
    return ordered.drop(RANK)


def by_key(rows: pl.DataFrame) -> pl.DataFrame:
    """One row an id_key: `_row`, the last of its rows, and `changing`: whether they show several 人员编号 or numbers.

    Nearly everybody shows the same all along. So the millions of rows are gone through once, and only those of the few
    are looked at again. Whole numbers are compared several times as fast as texts.
    """
    shown = pl.col("psn_key").hash().xor(pl.col("certno_masked").hash())
    return (
        rows.lazy()
        .select("id_key", shown=shown, _row=pl.int_range(pl.len()))
        .group_by("id_key")
        .agg(pl.col("_row").max(), low=pl.col("shown").min(), high=pl.col("shown").max())
        .select("id_key", "_row", changing=pl.col("low") != pl.col("high"))
        .collect(engine="streaming")
    )


def with_person(
    rows: pl.LazyFrame, links: pl.DataFrame, maintain_order: MaintainOrderJoin | None = None
) -> pl.LazyFrame:
    """Adds `person_key`, the published key of the row's person."""
    if links.is_empty():
        return rows.with_columns(person_key=pl.col("id_key"))
    linked_keys = links.lazy().select("id_key", "person_key")
    return rows.join(linked_keys, on="id_key", how="left", maintain_order=maintain_order).with_columns(
        pl.coalesce("person_key", "id_key").alias("person_key")
    )


def keys_of(persons: pl.Series, links: pl.DataFrame) -> pl.Series:
    """Every id_key under which these persons (published keys) may be delivered."""
    others = links.filter(pl.col("person_key").is_in(persons.implode()))["id_key"]
    return pl.concat([persons, others]).unique().rename("id_key")


def number_edges(
    rows: pl.DataFrame, numbers: pl.DataFrame, ranks: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Edges `a, b` between keys that one 人员编号 of one region ties together, and findings where it is unclear.

    `numbers`: every pair of id_key and psn_key in the rows, some perhaps several times.
    """
    spread = (
        numbers.lazy()
        .group_by("psn_key")
        .agg(pl.col("id_key").min().alias("a"), pl.col("id_key").max().alias("b"))
    )
    many = spread.filter(pl.col("a") != pl.col("b")).collect(engine="streaming")["psn_key"]
    seen = (
        rows.lazy()
        .filter(pl.col("psn_key").is_in(many.implode()))
        .join(ranks.lazy(), on="file_id")
        .group_by("psn_key", "psn_region", "id_key")
        .agg(
            pl.col("cert_key").is_not_null().any().alias("certified"),
            pl.col("check_ok").min().alias("check_ok"),
            pl.col(RANK).min(),
        )
        .collect()
    )
    regions = pl.col("psn_region").n_unique() - pl.col("psn_region").has_nulls().cast(pl.UInt32)
    seen = seen.with_columns(regions.over("psn_key").alias("_regions"))
    seen = seen.with_columns(
        pl.when(pl.col("_regions") > 1).then("psn_region").otherwise(pl.lit("")).alias("_group"),
    )
    unclear = seen.filter((pl.col("_regions") > 1) & pl.col("psn_region").is_null() & ~pl.col("certified"))
    placed = (
        seen.filter(pl.col("_group").is_not_null())
        .group_by("psn_key", "_group", "id_key")
        .agg(pl.col("certified").any(), pl.col("check_ok").min())
    )
    certified = pl.col("certified")
    groups = placed.group_by("psn_key", "_group").agg(
        certified.sum().alias("_certificates"),
        (certified & pl.col("check_ok")).fill_null(False).sum().alias("_right"),
        (certified & ~pl.col("check_ok")).fill_null(False).sum().alias("_wrong"),
        pl.col("id_key").filter(certified & pl.col("check_ok").fill_null(False)).first().alias("_right_key"),
        pl.col("id_key").filter(certified).min().alias("_first"),
        pl.col("id_key").filter(certified).max().alias("_last"),
        pl.col("id_key").min().alias("_any"),
    )
    one_right = (pl.col("_right") == 1) & (pl.col("_wrong") == pl.col("_certificates") - 1)
    hub = (
        pl.when(pl.col("_certificates") == 0)
        .then("_any")
        .when(pl.col("_certificates") == 1)
        .then("_first")
        .when(one_right)
        .then("_right_key")
    )
    groups = groups.with_columns(hub.alias("b"))
    edges = (
        placed.join(groups.drop_nulls("b"), on=["psn_key", "_group"])
        .select(pl.col("id_key").alias("a"), "b")
        .filter(pl.col("a") != pl.col("b"))
    )
    undecided = pl.concat([groups.filter(pl.col("b").is_null()), unclear], how="diagonal")["psn_key"]
    edges = pl.concat([edges, lasting_edges(seen.filter(pl.col("psn_key").is_in(undecided.implode())))])
    doubts = pl.concat(
        [
            _found("psn_two_certificates", groups.filter(pl.col("b").is_null()), "_first", "_last"),
            _found("psn_region_ambiguous", unclear.unique("id_key"), "id_key", None),
        ]
    )
    return edges, doubts


def lasting_edges(seen: pl.DataFrame) -> pl.DataFrame:
    """Edges `a, b` that held before a 人员编号 became ambiguous: a later paper asks a question, it undoes nothing.

    `seen`: psn_key, psn_region, id_key, certified, check_ok, file rank of the first sight. The keys of a number are
    put together once more after each file, as they would have been on that day.
    """
    edges: set[tuple[int, int]] = set()
    for _, rows in seen.sort("psn_key", RANK, "id_key").group_by("psn_key", maintain_order=True):
        for rank in rows[RANK].unique().sort().to_list()[:-1]:
            known = rows.filter(pl.col(RANK) <= rank)
            places = known["psn_region"].drop_nulls().unique().to_list()
            for place in places if len(places) > 1 else [None]:
                group = known if place is None else known.filter(psn_region=place)
                hub = _hub(group)
                edges |= {(key, hub) for key in group["id_key"] if hub is not None and key != hub}
    return pl.DataFrame(sorted(edges), schema={"a": pl.Int64, "b": pl.Int64}, orient="row")


def _hub(group: pl.DataFrame) -> int | None:
    """The key to which all keys of one 人员编号 belong; None where two certificates might be meant."""
    papers = group.filter("certified").unique("id_key", maintain_order=True)
    if papers.is_empty():
        return int(group["id_key"].min())  # type: ignore[arg-type]  # never empty, never null
    if papers.height == 1:
        return int(papers["id_key"].item())
    right, wrong = papers.filter(pl.col("check_ok")), papers.filter(~pl.col("check_ok"))
    one_right = right.height == 1 and wrong.height == papers.height - 1
    return int(right["id_key"].item()) if one_right else None


def untyped_edges(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Edges between a certificate of another kind with its type and the same text without, where only one has it."""
    other = (
        rows.lazy()
        .filter(pl.col("untyped_key").is_not_null())
        .group_by("untyped_key", "id_key")
        .len()
        .with_columns((pl.col("id_key") == pl.col("untyped_key")).alias("bare"))
        .group_by("untyped_key")
        .agg(
            pl.col("bare").any(),
            pl.col("id_key").filter(~pl.col("bare")).min().alias("a"),
            pl.col("id_key").filter(~pl.col("bare")).max().alias("last"),
        )
        .filter(pl.col("bare") & pl.col("a").is_not_null())
        .collect()
    )
    plain = pl.col("a") == pl.col("last")
    edges = other.filter(plain).select("a", pl.col("untyped_key").alias("b"))
    return edges, _found("untyped_ambiguous", other.filter(~plain), "a", "last")


def linked(edges: pl.DataFrame, rows: pl.DataFrame, ranks: pl.DataFrame) -> pl.DataFrame:
    """`id_key, person_key` of every key whose published key is another: the one of its group seen first."""
    edges = edges.drop_nulls().filter(pl.col("a") != pl.col("b"))
    if edges.is_empty():
        return LINKS.to_frame()
    groups = components(edges)
    first = (
        rows.lazy()
        .join(groups.lazy(), on="id_key")
        .join(ranks.lazy(), on="file_id")
        .sort(RANK, "source_row", "sheet", "id_key", nulls_last=False)
        .group_by("group", maintain_order=True)
        .agg(pl.col("id_key").first().alias("person_key"))
        .collect()
    )
    return (
        groups.join(first, on="group")
        .filter(pl.col("id_key") != pl.col("person_key"))
        .select("id_key", "person_key")
        .sort("id_key")
    )


def components(edges: pl.DataFrame) -> pl.DataFrame:
    """Connected groups of an edge list `a, b`: `id_key, group`. Labels sink to the smallest by pointer jumping."""
    keys, flat = np.unique(
        np.concatenate([edges["a"].to_numpy(), edges["b"].to_numpy()]), return_inverse=True
    )
    a, b = flat[: edges.height], flat[edges.height :]
    label = np.arange(len(keys))
    while True:
        low = np.minimum(label[a], label[b])
        after = label.copy()
        np.minimum.at(after, label[a], low)
        np.minimum.at(after, label[b], low)
        after = after[after]
        if np.array_equal(after, label):
            return pl.DataFrame(
                {"id_key": keys, "group": label}, schema={"id_key": pl.Int64, "group": pl.Int64}
            )
        label = after


FACTS = {
    "name_masked": "name_masked",
    "birth_year": "birth_year",
    "sex": "sex",
    "certno_masked": "certno_masked",
}
"""What nearly every row tells of its person: column of the result → core column."""
DEATHS = {"deceased_on": "died_on", "dead": "dead"}
"""What hardly any row tells."""


def described(rows: pl.DataFrame, keys: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """One row per person_key: the latest known of everything; the number with the right check digit goes first.

    `rows`: as `in_order` gives them; `keys`: `by_key`. The last row of most people tells all of FACTS; only of the
    others are all rows looked at.
    """
    linked_keys = with_person(keys.lazy().select("id_key", "_row"), links)
    last = linked_keys.group_by("person_key").agg(pl.col("_row").max()).sort("person_key").collect()
    newest = last.hstack(rows.select("check_ok", *FACTS.values())[last["_row"]])
    told = pl.all_horizontal(pl.col(*FACTS).is_not_null()) & pl.col("check_ok").fill_null(False)
    known = newest.filter(told).select("person_key", *FACTS)
    if known.height < newest.height:
        others = keys_of(newest.filter(~told)["person_key"], links)
        theirs = with_person(rows.lazy().filter(pl.col("id_key").is_in(others.implode())), links, "left")
        known = pl.concat([known, latest(theirs.collect(), FACTS)]).sort("person_key")
    died = rows.lazy().filter(pl.any_horizontal(pl.col(*DEATHS.values()).is_not_null()))
    tables = [latest(with_person(died, links, "left").collect(), DEATHS)]
    tables += [latest_place(rows, kind, links) for kind in PLACES]
    for table in tables:
        known = known.join(table, on="person_key", how="left", maintain_order="left")
    columns = ["person_key", "name_masked", "certno_masked", "birth_year", "sex", "deceased_on", "dead"]
    return known.select(*columns, pl.exclude(columns))


def latest(rows: pl.DataFrame, facts: Mapping[str, str]) -> pl.DataFrame:
    """One row per person_key with the latest known of each of the facts, null where none is.

    `rows`: in order, with `person_key`. What is looked for is the number of the row that knows each thing last: whole
    numbers are grouped much faster than texts.
    """
    goodness = pl.col("check_ok").cast(pl.Int64).fill_null(1) * 2 + pl.col("check_ok").is_not_null().cast(
        pl.Int64
    )
    before = {"certno_masked": goodness * ROWS_OF_A_FILE}
    numbers = {name: pl.col("_row") + before.get(name, 0) for name in facts}
    found = (
        rows.lazy()
        .with_columns(_row=pl.int_range(pl.len()))
        .select(
            "person_key",
            *(pl.when(pl.col(facts[name]).is_not_null()).then(n).alias(name) for name, n in numbers.items()),
        )
        .group_by("person_key")
        .agg(pl.all().max() % ROWS_OF_A_FILE)
        .collect(engine="streaming")
    )
    return found.select(
        "person_key", *(rows[origin].gather(found[name]).alias(name) for name, origin in facts.items())
    )


def latest_place(rows: pl.DataFrame, kind: str, links: pl.DataFrame) -> pl.DataFrame:
    """person_key, `<kind>_codes`, `<kind>_village`: the latest place of one kind that names a township.

    The time and the number of the row are one number, so that its maximum is the latest, of equal times the last.
    """
    time = pl.col("place_time").dt.epoch("us").fill_null(OLDEST)
    placed = (
        rows.lazy()
        .with_columns(_row=pl.int_range(pl.len()))
        .filter((pl.col("place_kind") == kind) & pl.col("township_codes").is_not_null())
        .select("id_key", _row=time.cast(pl.Int128) * ROWS_OF_A_FILE + pl.col("_row"))
    )
    latest_row = (pl.col("_row").max() % ROWS_OF_A_FILE).cast(pl.Int64)
    last = with_person(placed, links).group_by("person_key").agg(latest_row).collect(engine="streaming")
    return last.select(
        "person_key",
        rows["township_codes"].gather(last["_row"]).alias(f"{kind}_codes"),
        rows["village"].gather(last["_row"]).alias(f"{kind}_village"),
    )


def resolved_doubts(doubts: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Doubts about two keys that a confirmation has made one are gone; the others name published keys."""
    published = links.rename({"person_key": "published"})
    for name in ("person_key", "other_key"):
        doubts = doubts.join(published, left_on=name, right_on="id_key", how="left").with_columns(
            pl.coalesce("published", name).alias(name)
        )
        doubts = doubts.drop("published")
    return doubts.filter(
        pl.col("other_key").is_null() | (pl.col("other_key") != pl.col("person_key"))
    ).unique()


def wrong_digits(rows: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    """Findings: certificate numbers with a wrong check digit, once a number, at the row seen first."""
    wrong = with_person(rows.lazy().filter(~pl.col("check_ok")), links, maintain_order="left").collect()
    return _found(
        "check_digit", wrong.unique("id_key", keep="first", maintain_order=True), "person_key", "id_key"
    )


def collisions(rows: pl.DataFrame) -> pl.DataFrame:
    """Findings: one key for two numbers (the masked numbers differ); with 63 bits it should never happen."""
    spread = (
        rows.lazy()
        .filter(pl.col("cert_key").is_not_null() & pl.col("certno_masked").is_not_null())
        .group_by("id_key")
        .agg(several=pl.col("certno_masked").n_unique() > 1)
    )
    return _found("key_collision", spread.filter("several").collect(), "id_key", None)


def _found(rule: str, rows: pl.DataFrame, key: str, other: str | None) -> pl.DataFrame:
    return rows.select(
        rule=pl.lit(rule, pl.String),
        person_key=pl.col(key),
        other_key=pl.col(other) if other else pl.lit(None, pl.Int64),
        file_id=pl.col("file_id") if "file_id" in rows.columns else pl.lit(None, pl.String),
        message_zh=pl.lit(MESSAGES[rule], pl.String),
    ).cast(FINDINGS)
