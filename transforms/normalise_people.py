"""Who a row speaks of: keys of certificates and psn_no, and the sightings of people from which `person` is made.

Sightings are kept once for each distinct person text of a file, so that names, addresses and check digits are
looked at some hundred thousand times, not eight million times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from schemas.core import Person, polars_schema
from schemas.layouts import Layout
from transforms.normalise_certificates import certificate_keys, certificates, number_facts
from transforms.normalise_table import Typed
from transforms.place_names import Townships, sure_within
from transforms.pseudonym import pseudonyms

SIGHTING = pl.Schema(
    [
        ("id_key", pl.Int64),
        ("cert_key", pl.Int64),
        ("untyped_key", pl.Int64),
        ("psn_region", pl.String),
        ("domain", pl.String),
        ("number", pl.Int64),
        ("other", pl.String),
        ("psn_no", pl.String),
        ("name", pl.String),
        ("gend", pl.String),
        ("brdy", pl.Date),
        ("died_on", pl.Date),
        ("dead", pl.Boolean),
        ("place_kind", pl.String),
        ("place_text", pl.String),
        ("village", pl.String),
        ("place_time", pl.Datetime("us")),
        ("phone", pl.String),
        ("address", pl.String),
        ("source_row", pl.Int64),
        ("sheet", pl.String),
    ]
)


@dataclass(frozen=True)
class Keyring:
    """What keys are made from: the secret, and the region aliases (use insured)."""

    secret: bytes
    aliases: Mapping[str, str]


def with_keys(batch: Typed, layout: Layout, ring: Keyring, *, needs_person: bool = True) -> None:
    """Add `id_key`, `cert_key`, `untyped_key`, `psn_region`, `number`, `other` to the batch.

    id_key is the certificate's key, else that of county and psn_no, else (roster) that of a newborn. A row that
    shows none of them is a fault of rule person.
    """
    frame = batch.frame
    height = frame.height
    nothing = pl.repeat(None, height, dtype=pl.String, eager=True)
    texts = frame["certno"] if "certno" in frame.columns else nothing
    kinds = frame["psn_cert_type"] if "psn_cert_type" in frame.columns else None
    read = certificates(texts)
    cert_key, untyped_key = certificate_keys(read, kinds, ring.secret)
    psn_no = frame["psn_no"] if "psn_no" in frame.columns else nothing
    region = nothing
    if "insu_admdvs" in frame.columns:
        region = _regions(frame["insu_admdvs"], ring.aliases)
    if layout.opaque_psn_no:
        region = nothing
        stars = int(psn_no.str.contains(r"^\*+$").fill_null(False).sum())
        batch.note("masked", f"「{layout.header_of('psn_no')}」全部被遮盖，这些行按同一人员处理", stars)
        by_number = psn_keys(psn_no, layout, ring.secret)
    else:
        # a masked number tells nobody apart
        masked = psn_no.str.contains("*", literal=True).fill_null(False)
        psn_no = psn_no.zip_with(~masked, nothing) if masked.any() else psn_no
        by_number = pl.repeat(None, height, dtype=pl.Int64, eager=True)
        needed = cert_key.is_null() & psn_no.is_not_null()
        if needed.any():
            places = needed.arg_true()
            both = "psn|" + region.fill_null("").gather(places) + "|" + psn_no.gather(places)
            by_number = by_number.scatter(places, pseudonyms(both, ring.secret))
    batch.frame = frame.with_columns(
        cert_key=cert_key,
        untyped_key=untyped_key,
        psn_region=region,
        number=read.number,
        other=read.other,
        id_key=cert_key.zip_with(cert_key.is_not_null(), by_number),
        psn_no=psn_no,
    )
    unreadable = int((texts.is_not_null() & ~read.known).sum())
    if unreadable and texts.drop_nulls().len():
        batch.note("certificate", "证件号码被遮盖、加密或读不出，不作为人员依据", unreadable)
    if needs_person:
        header = layout.header_of("certno" if "certno" in layout.names else "psn_no")
        missing = batch.frame["id_key"].is_null()
        batch.faults.add("person", header, "没有可用的证件号码，也没有人员编号，请补齐后重新导出", missing)


def _regions(codes: pl.Series, aliases: Mapping[str, str]) -> pl.Series:
    """Regions as text, by way of the few distinct ones; an alias becomes what it stands for."""
    distinct = codes.unique()
    return codes.replace_strict(
        distinct, distinct.cast(pl.String).replace(dict(aliases)), return_dtype=pl.String
    )


def psn_keys(psn_no: pl.Series, layout: Layout, secret: bytes) -> pl.Series:
    """Keys of psn_no alone; an opaque number is known within its family of files only."""
    return pseudonyms(psn_domain(layout) + psn_no, secret)


def psn_domain(layout: Layout) -> str:
    """Prefix of psn_no keys, so that opaque numbers of one family never meet those of another."""
    return f"opaque|{layout.name}|" if layout.opaque_psn_no else "psnno|"


def sightings(frame: pl.DataFrame, name: str, **columns: pl.Expr) -> pl.DataFrame:
    """What accepted rows show of people, a row each; `merged` makes one of those that show the same."""
    given = {"name": pl.col(name), **columns}
    wanted = [
        given[c].cast(t).alias(c)
        if c in given
        else (pl.col(c).cast(t) if c in frame.columns else pl.lit(None, dtype=t).alias(c))
        for c, t in SIGHTING.items()
    ]
    return frame.select(wanted)


def merged(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each person text: first values, the place of the latest `place_time`."""
    if rows.is_empty():
        return rows
    place = ["place_kind", "place_text", "village", "place_time"]
    key = ["id_key", "psn_no", "psn_region", "name"]
    if (
        rows["place_kind"] == "hsreg_addr"
    ).any():  # kept beside the live_addr: where that says nothing, it counts
        key.append("place_kind")
    hashed = rows.select(
        rows.select(key).hash_rows().alias("h"),
        t=pl.col("place_time").fill_null(pl.datetime(1, 1, 1)),
        at=pl.int_range(pl.len(), dtype=pl.UInt32),
    )
    # the first value that is there, and of deaths the earliest: only where one is missing or given at all
    known = [c for c in ("phone", "address", "gend", "brdy") if 0 < rows[c].null_count() < rows.height]
    death = [c for c in ("died_on", "dead") if rows[c].null_count() < rows.height]
    groups = (
        hashed.with_columns(rows[c] for c in (*known, *death))
        .group_by("h", maintain_order=True)
        .agg(
            pl.col("at").first(),
            pl.col("at").max_by("t").alias("latest"),
            *(pl.col(c).drop_nulls().first() for c in known),
            *((pl.col(c).min() if c == "died_on" else pl.col(c).max()) for c in death),
        )
    )
    if groups.height == rows.height:
        return rows
    # a mask is quicker than places in a frame of many chunks
    first = rows.filter(hashed["h"].is_first_distinct())
    # rows of several batches lie in several chunks, of which places are taken slowly
    places = rows.select(c for c in place if rows[c].null_count() < rows.height).rechunk()
    latest = [places[c].gather(groups["latest"]) for c in places.columns]
    return first.with_columns(*(groups[c] for c in (*known, *death)), *latest)


@dataclass(frozen=True)
class People:
    """The merged sightings of a file with what is worked out of them once: numbers read, and the keys of psn_no."""

    seen: pl.DataFrame
    facts: pl.DataFrame
    psn_key: pl.Series


def people(sighted: pl.DataFrame, secret: bytes) -> People:
    """Merge sightings and read their certificate numbers and psn_no."""
    seen = merged(sighted)
    if not (seen["source_row"].diff().drop_nulls() > 0).all():  # several sheets
        seen = seen.sort("source_row", "id_key", "name", "psn_no", "place_kind")
    psn_key = pseudonyms(seen["domain"] + seen["psn_no"], secret)
    return People(seen, number_facts(seen["number"]), psn_key)


def person_rows(found: People, file_id: str, townships: Townships, secret: bytes) -> pl.DataFrame:
    """`person` core rows of the people of a file (masked, no open text)."""
    seen, facts = found.seen, found.facts
    names = _names(seen["name"], secret)
    places = townships.find(seen["place_text"])
    counter = (seen["place_kind"] == "counter").fill_null(False)
    codes = places["township_codes"]
    if counter.any():  # the row of a counter says in which county it is
        codes = sure_within(codes, seen["psn_region"].set(~counter, None))
    other = seen["other"]
    frame = seen.select(
        pl.lit(file_id).alias("file_id"),
        "sheet",
        "source_row",
        "id_key",
        "cert_key",
        "untyped_key",
        found.psn_key.alias("psn_key"),
        "psn_region",
        facts["check_ok"],
        names["name_masked"],
        names["name_key"],
        facts["masked"]
        .zip_with(facts["masked"].is_not_null(), other.str.slice(0, 2) + "********")
        .alias("certno_masked"),
        pl.coalesce(facts["birth_year"], pl.col("brdy").dt.year().cast(pl.Int32)).alias("birth_year"),
        pl.coalesce(
            facts["sex"],
            pl.when(pl.col("gend").is_in(["1", "2"])).then("gend"),
            pl.lit(None, dtype=pl.String),
        ).alias("sex"),
        "died_on",
        "dead",
        "place_time",
        "place_kind",
        codes.alias("township_codes"),
        pl.coalesce("village", places["village"]).alias("village"),
    )
    return frame.select(pl.col(n).cast(t) for n, t in polars_schema(Person).items())


def _names(names: pl.Series, secret: bytes) -> pl.DataFrame:
    """`name_masked`, `name_key` of each name; a name that is masked already is no key."""
    distinct = names.unique()
    readable = ~distinct.str.contains(r"[*＊]").fill_null(False)
    table = pl.DataFrame(
        {
            "name": distinct,
            "name_masked": distinct.str.slice(0, 1) + "**",
            "name_key": pseudonyms("name|" + distinct, secret).set(~readable, None),
        }
    )
    return (
        names.alias("name").to_frame().join(table, on="name", how="left", maintain_order="left").drop("name")
    )


def vault_people(found: People) -> pl.DataFrame:
    """What the vault keeps of people: `id_key, psn_key, name, certno, psn_no, phone, address, brdy`, distinct."""
    kept = found.seen.select(
        "id_key",
        found.psn_key.alias("psn_key"),
        "name",
        pl.coalesce(found.facts["text"], "other").alias("certno"),
        "psn_no",
        "phone",
        "address",
        "brdy",
    )
    new = kept.hash_rows().is_first_distinct()
    return kept if new.all() else kept.filter(new)
