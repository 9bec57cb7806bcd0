"""救助对象名册: typed rows → core roster rows. Wordings stay wordings here; policies map them to codes later."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from schemas.layouts import Layout
from schemas.reference import identity_words
from transforms.normalise_certificates import certificate_keys, certificates, number_facts
from transforms.normalise_people import Keyring
from transforms.normalise_table import Typed
from transforms.pseudonym import key_texts, pseudonyms

Senders = Callable[[str, str], frozenset[str] | None]
"""(region code, wording) → departments that may send it; None: anyone."""
_NUMBER = r"(?:^|[^0-9])([1-9]\d{16}[0-9Xx]|[1-9]\d{14})(?:[^0-9]|$)"
_SEPARATOR = "\x1f"
DEATH = r"死亡|去世|病故|身故"


def households(texts: pl.Series, heads: pl.Series, secret: bytes) -> pl.Series:
    """Household ids as they stand; `H…` where the number holds a certificate number or only the head is known."""
    hidden = texts.str.contains(_NUMBER).fill_null(False)
    coded = key_texts(pseudonyms("household|" + texts.set(~hidden, None), secret), "H")
    read = certificates(heads)
    number = number_facts(read.number)["text"]
    by_head = pl.select(pl.when(texts.is_null()).then(pl.coalesce(number, read.other))).to_series()
    headed = key_texts(pseudonyms("head|" + by_head, secret), "H")
    return pl.select(
        pl.when(hidden).then(coded).when(texts.is_not_null()).then(texts).otherwise(headed)
    ).to_series()


def shape(batch: Typed, layout: Layout, ring: Keyring, senders: Senders | None) -> None:
    """Turn the typed batch into core columns; a newborn without a number is keyed by name, birth and head."""
    frame, secret = batch.frame, ring.secret
    head = certificates(frame["head_certno"])
    head_key, _ = certificate_keys(head, None, secret)
    head_text = pl.select(pl.coalesce(number_facts(head.number)["text"], head.other)).to_series()
    # null where one of the three is unknown. The child that has a number by now is known by the same key
    by_birth = "newborn|" + frame["name"] + "|" + frame["birth_date"].cast(pl.String) + "|" + head_text
    born_key = pseudonyms(by_birth, secret)
    frame = frame.with_columns(
        has_certificate=pl.col("cert_key").is_not_null(),
        id_key=frame["id_key"].zip_with(frame["id_key"].is_not_null(), born_key),
        born_key=born_key,
        head_key=head_key,
        household_id=households(frame["household_id"], frame["head_certno"], secret),
        reason=pl.col("reason").str.replace_all(r"\d{11,}[Xx]?", "***"),
        labels=pl.when(pl.col("labels").is_null())
        .then(pl.lit([], dtype=pl.List(pl.String)))
        .otherwise(identity_words(pl.col("labels"))),
    )
    batch.frame = frame
    what = "没有可用的身份证号（新生儿须有姓名、出生日期和户主身份证号），请补齐后重新导出"
    batch.faults.add("person", layout.header_of("certno"), what, frame["id_key"].is_null())
    batch.faults.add(
        "code", layout.header_of("labels"), "救助身份为空，请补齐后重新导出", frame["labels"].list.len() == 0
    )
    kinds = frame["list_kind"].is_not_null() & ~frame["list_kind"].is_in(["新增", "减少", "在册"])
    batch.faults.add(
        "code", layout.header_of("list_kind"), "名单类型只能是新增、减少或在册，请更正后重新导出", kinds
    )
    order = frame["valid_to"] < frame["valid_from"]
    batch.faults.add("date", layout.header_of("valid_to"), "失效日期早于生效日期，请更正后重新导出", order)
    if senders is not None:
        what = "认定部门无权传送这类救助对象，请由主管部门传送"
        batch.faults.add("wrong_sender", layout.header_of("department"), what, _wrong_sender(frame, senders))


def refused(batch: Typed) -> pl.DataFrame:
    """Rejected rows whose region and identity can be read: `roster_refused` columns.

    On a 在册 list they show that their person is still there; those of a wrong sender tell who sent what.
    """
    frame = batch.frame
    beyond, foreign = [pl.repeat(False, frame.height, eager=True) for _ in range(2)]
    for _, rule, _, _, rows in batch.faults.found:
        if rule in ("header", "empty_row"):
            beyond = beyond | rows
        elif rule == "wrong_sender":
            foreign = foreign | rows
    frame = frame.with_columns(wrong_sender=foreign)
    readable = frame["region_code"].is_not_null() & (frame["labels"].list.len() > 0)
    return frame.filter(batch.faults.any() & ~beyond & readable)


def _wrong_sender(frame: pl.DataFrame, senders: Senders) -> pl.Series:
    rows = frame.select("region_code", "department", labels=pl.col("labels").list.join(_SEPARATOR))
    distinct = rows.unique()
    wrong = [
        any(d not in (allowed or frozenset([d])) for w in labels.split(_SEPARATOR) for allowed in [senders(region, w)])
        if (region and (d := department) and labels) else False
        for region, department, labels in distinct.iter_rows()
    ]  # fmt: skip
    table = distinct.with_columns(wrong=pl.Series(wrong, dtype=pl.Boolean))
    return rows.join(table, on=rows.columns, how="left", nulls_equal=True, maintain_order="left")["wrong"]


def senders_of(table: Mapping[str, Mapping[str, frozenset[str]]]) -> Senders:
    """Senders by region prefix (`500243`) and wording."""

    def departments(region: str, wording: str) -> frozenset[str] | None:
        for prefix, allowed in table.items():
            if region.startswith(prefix):
                return allowed.get(wording)
        return None

    return departments


def person_columns() -> dict[str, pl.Expr]:
    """What a roster row says of a person beyond the keys."""
    died = (pl.col("list_kind") == "减少") & pl.col("reason").str.contains(DEATH)
    died = died.fill_null(False)
    return {
        "brdy": pl.col("birth_date"),
        "phone": pl.col("phone"),
        "address": pl.coalesce("address", pl.concat_str("township_name", "village", ignore_nulls=True)),
        "dead": pl.when(died).then(True),
        "died_on": pl.when(died).then("valid_to"),
        # where a roster person lives is a roster fact with dates of its own, not a sighting
        "village": pl.lit(None, dtype=pl.String),
    }
