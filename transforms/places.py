"""Where a settlement, an institution and a person belong (semantics: places)."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from transforms import versions
from transforms.place_names import SURE, Townships

ALIAS = pl.Schema(
    {
        "code": pl.String,
        "stands_for": pl.String,
        "use": pl.String,
        "valid_from": pl.Date,
        "valid_to": pl.Date,
    }
)
SOURCES = ("roster", "counter", "live_addr", "hsreg_addr", "emp_name", "unknown")


def county_of(code: pl.Expr, alias: pl.DataFrame, use: str, on: pl.Expr | None = None) -> pl.Expr:
    """The region that a delivered code stands for on a date (330185 → 330112); a code without an alias is itself.

    `alias` is region_alias.csv (code, stands_for, use insured/institution/roster, valid_from, valid_to); the dates
    are inclusive and may be empty. Without `on` every alias holds.
    """
    resolved = code
    rows = alias.filter(pl.col("use") == use).sort("code", "valid_from", nulls_last=False)
    for row in rows.iter_rows(named=True):
        holds = code == row["code"]
        if on is not None and row["valid_from"] is not None:
            holds = holds & (on >= row["valid_from"])
        if on is not None and row["valid_to"] is not None:
            holds = holds & (on <= row["valid_to"])
        resolved = pl.when(holds).then(pl.lit(row["stands_for"])).otherwise(resolved)
    return resolved


def within(code: pl.Expr, region: str) -> pl.Expr:
    """The code is the region or lies below it: the region's code without trailing pairs of zeros is its prefix."""
    prefix = region
    while len(prefix) > 2 and prefix.endswith("00"):
        prefix = prefix[:-2]
    return code.str.starts_with(prefix)


def region_of_institution(alias: pl.DataFrame, on: pl.Expr | None = None) -> pl.Expr:
    """Region an institution belongs to: its 归属区划, else characters 2 to 7 of its code, aliases resolved."""
    by_code = pl.col("institution_code").str.slice(1, 6)
    by_code = pl.when(by_code.str.contains(r"^\d{6}$")).then(by_code)
    return county_of(pl.coalesce("institution_region", by_code), alias, "institution", on)


def spans_of_institutions(
    institutions: pl.LazyFrame, files: pl.DataFrame, alias: pl.DataFrame
) -> pl.DataFrame:
    """Valid periods of each institution, overlapping and touching ones joined: `_code, _region, _from, _to`."""
    rows, _ = versions.current(institutions, ["institution_code", "valid_from"], files, updt=None)
    held = rows.select(
        _code=pl.col("institution_code"),
        _region=region_of_institution(alias),
        _from=pl.col("valid_from"),
        _to=pl.col("valid_to").fill_null(pl.date(9999, 12, 31)),
    ).collect()
    key = ["_code", "_region"]
    held = held.filter(pl.col("_from") <= pl.col("_to")).sort(*key, "_from", "_to")
    reach = pl.col("_to").cum_max().shift(1).over(key)
    starts = reach.is_null() | (pl.col("_from").sub(pl.duration(days=1)) > reach)
    held = held.with_columns(starts.cum_sum().over(key).alias("_run"))
    return held.group_by(*key, "_run").agg(pl.col("_from").min(), pl.col("_to").max()).sort(*key, "_run")


def with_designation(
    settlements: pl.LazyFrame, institutions: pl.LazyFrame, files: pl.DataFrame, alias: pl.DataFrame
) -> pl.LazyFrame:
    """Adds `designated`: is the institution a designated one (定点) on the settlement date?

    Judged only by the list of the institution's own region: True where that region has delivered none, or where the
    region is not known.
    """
    on = pl.col("setl_time").dt.date()
    spans = spans_of_institutions(institutions, files, alias)
    delivered = spans["_region"].drop_nulls().unique().sort()
    if delivered.is_empty():
        return settlements.with_columns(designated=pl.lit(True))
    periods = spans.group_by("_code", "_region").agg("_from", "_to")
    most = int(spans.group_by("_code", "_region").len()["len"].max() or 0)  # type: ignore[arg-type]  # a maximum of counts is a whole number
    columns = [
        pl.col(name).list.get(number, null_on_oob=True).alias(f"{name}{number}")
        for number in range(most)
        for name in ("_from", "_to")
    ]
    flat = periods.select("_code", "_region", *columns)
    valid = pl.any_horizontal(on.is_between(f"_from{number}", f"_to{number}") for number in range(most))
    added = [f"{name}{number}" for number in range(most) for name in ("_from", "_to")]
    return (
        settlements.with_columns(_region=region_of_institution(alias, on))
        .join(flat.lazy(), left_on=["institution_code", "_region"], right_on=["_code", "_region"], how="left")
        .with_columns(
            designated=pl.when(pl.col("_region").is_in(delivered.implode()))
            .then(valid.fill_null(False))
            .otherwise(True)
            .fill_null(True)
        )
        .drop("_region", *added)
    )


def routed(settlements: pl.LazyFrame, certificates: pl.DataFrame, ranking: Sequence[str]) -> pl.DataFrame:
    """Region that each settlement of a roster person goes to: `setl_id, routed_code`.

    The region whose roster lists the person on the settlement date (several: the one of the unique category, by
    `ranking`). Settlements not named here go to their `county_code`. `certificates`: person_key, county_code, code,
    valid_from, valid_to.
    """
    order = pl.DataFrame(
        {"code": list(ranking), "_rank": range(len(ranking))}, schema_overrides={"_rank": pl.Int64}
    )
    facts = certificates.join(order, on="code", how="left").with_columns(
        pl.col("_rank").fill_null(len(ranking))
    )
    on = pl.col("setl_time").dt.date()
    return (
        settlements.select("setl_id", "person_key", on.alias("_on"))
        .join(
            facts.lazy().select("person_key", "_rank", "valid_from", "valid_to", routed_code="county_code"),
            on="person_key",
        )
        .filter(
            (pl.col("valid_from") <= pl.col("_on")) & (pl.col("valid_to") >= pl.col("_on")).fill_null(True)
        )
        .collect(engine="streaming")
        .sort("setl_id", "_rank", "valid_from", "routed_code", descending=[False, False, True, False])
        .unique("setl_id", keep="first", maintain_order=True)
        .select("setl_id", "routed_code")
    )


def with_township_codes(spans: pl.DataFrame, names: Townships) -> pl.DataFrame:
    """Roster spans whose row only names its township (乡镇街道) with the code of that township in their county.

    A code written with its village part empty (330112006000) is the township's.
    """
    code = pl.col("township_code").str.replace(r"^(\d{9})000$", "$1")
    key = ["county_code", "township_name"]
    bare = pl.col("township_code").is_null() & pl.col("township_name").is_not_null()
    asked = spans.filter(bare).select(key).unique(maintain_order=True)
    known = (
        asked.with_columns(names.find(asked["township_name"])["township_codes"].str.split("|").alias("_code"))
        .explode("_code")
        .with_columns(pl.col("_code").str.strip_prefix(SURE))
        .filter(pl.col("_code").str.starts_with(pl.col("county_code")))
        .filter(pl.col("_code").n_unique().over(key) == 1)
    )
    return (
        spans.join(known, on=key, how="left", maintain_order="left")
        .with_columns(township_code=pl.coalesce(code, "_code"))
        .drop("_code")
    )


def townships(wanted: pl.DataFrame, roster_spans: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    """Township of each person on a day: `person_key, township_code, township_name, village, township_source`.

    `wanted`: `person_key, county_code, on`, one row per person. First of: the roster row valid that day (the latest
    started); the latest counter row; live_addr; hsreg_addr; emp_name, these as matched at ingest: where the
    text or the counter row says the county, wherever that is, else only within the person's county; else unknown. `roster_spans`: person_key, valid_from, valid_to, township_code,
    township_name, village. `people`: as `identity.people` gives them.
    """
    valid = (pl.col("valid_from") <= pl.col("on")) & (pl.col("valid_to") >= pl.col("on")).fill_null(True)
    by_roster = (
        wanted.join(roster_spans.drop("county_code", strict=False), on="person_key")
        .filter(valid & pl.any_horizontal(pl.col("township_code", "township_name").is_not_null()))
        .sort("person_key", "valid_from", "township_code", "township_name", "village", nulls_last=False)
        .unique("person_key", keep="last", maintain_order=True)
        .select("person_key", "township_code", "township_name", "village", township_source=pl.lit("roster"))
    )
    found, rest = [by_roster], wanted.join(by_roster, on="person_key", how="anti")
    for kind in SOURCES[1:-1]:
        matched = _matched(rest, people, kind)
        if not matched.is_empty():
            found.append(matched)
            rest = rest.join(matched, on="person_key", how="anti")
    blank = dict.fromkeys(("township_code", "township_name", "village"), pl.lit(None, pl.String))
    found.append(rest.select("person_key", **blank, township_source=pl.lit("unknown")))
    return pl.concat(found).sort("person_key")


def _matched(wanted: pl.DataFrame, people: pl.DataFrame, kind: str) -> pl.DataFrame:
    """The township that a person's place of one kind names, where it is only one.

    A code with a mark says its county itself and counts wherever the person is insured; others count only within the
    person's county.
    """
    code, sure = pl.col("township_code"), pl.col("_sure")
    placed = people.select("person_key", village=f"{kind}_village", township_code=f"{kind}_codes").drop_nulls(
        "township_code"
    )
    known = wanted.join(placed, on="person_key")
    one = ~code.str.contains("|", literal=True)
    alone = known.filter(one).with_columns(code.str.strip_prefix(SURE), _sure=code.str.starts_with(SURE))
    alone = alone.filter(sure | code.str.starts_with(pl.col("county_code")))
    several = (
        known.filter(~one)
        .with_columns(code.str.split("|"))
        .explode("township_code")
        .with_columns(code.str.strip_prefix(SURE), _sure=code.str.starts_with(SURE))
        .with_columns(_n_sure=code.filter(sure).n_unique().over("person_key"))
        .filter(
            pl.when(pl.col("_n_sure") == 1).then(sure).otherwise(code.str.starts_with(pl.col("county_code")))
        )
        .filter(pl.col("township_code").n_unique().over("person_key") == 1)
        .unique("person_key")
    )
    return pl.concat([alone, several.select(alone.columns)]).select(
        "person_key",
        "township_code",
        pl.lit(None, pl.String).alias("township_name"),
        "village",
        pl.lit(kind).alias("township_source"),
    )
