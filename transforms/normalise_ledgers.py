"""Payments, ledgers, decisions and the smaller platform tables: typed rows → core columns."""

from __future__ import annotations

import polars as pl

from schemas.layouts import Layout
from transforms.list_number import LIST_KIND, tidy
from transforms.normalise_certificates import certificate_keys, certificates, check_values
from transforms.normalise_people import Keyring
from transforms.normalise_roster import households
from transforms.normalise_table import Typed
from transforms.pseudonym import key_texts, pseudonyms

PAYMENT_KINDS = (
    "政策性商业保险", "惠民保", "优抚", "医疗互助", "工会", "残联", "临时救助", "慈善", "封顶化解", "商业保险",
)  # fmt: skip
OPEN_TEXT = (
    "reason", "note", "measure", "payer", "source", "fund", "scope", "product", "insurer", "gap_reason", "aid_kind", "outcome",
)  # fmt: skip
SEALED_TEXT = ("decision",)
"""Tables whose open text goes to the vault as it was written, and not to the lake."""
RENAMES: dict[str, dict[str, str]] = {
    "payment": {"amount": "amount_fen"},
    "paid_ledger": {"amount": "amount_fen"},
    "fund_ledger": {"amount": "amount_fen"},
    "subsidy_ledger": {"amount": "amount_fen", "standard": "standard_fen"},
    "opening_balance": {"amount": "amount_fen"},
    "supplementary_cover": {"premium": "premium_fen"},
    "waiting_rejection": {"amount": "amount_fen", "fixmedins_code": "institution_code"},
    "application": {"amount": "amount_fen"},
    "deposit": {"amount": "amount_fen", "fixmedins_code": "institution_code"},
    "feedback": {"aid": "aid_fen"},
    "rsdt_psn_clct_detl_d": {"psn_clct_amt": "own_fen", "finsubs_amt": "finsubs_fen"},
    "fixmedins_b": {
        "fixmedins_code": "institution_code", "fixmedins_name": "name", "fix_blng_admdvs": "institution_region",
        "fixmedins_type": "kind", "begntime": "valid_from", "endtime": "valid_to",
    },
    "fee_list_d": {
        "bkkp_sn": "item_sn", "fee_ocur_time": "ocur_date", "med_list_codg": "item_code", "hilist_name": "item_name",
        "med_chrgitm_type": "item_kind", "chrgitm_lv": "item_level", "hi_nego_drug_flag": "nego_flag",
        "prcu_drug_flag": "vbp_flag", "cnt": "quantity", "det_item_fee_sumamt": "tot_fen",
        "fulamt_ownpay_amt": "ooc_fen", "overlmt_selfpay": "ovl_fen", "preselfpay_amt": "pre_fen", "inscp_amt": "pol_fen",
    },
    "setl_diag_list_d": {"inout_diag_type": "inout_type", "maindiag_flag": "main_flag", "diag_srt_no": "diag_no"},
}  # fmt: skip


def shape(batch: Typed, layout: Layout, ring: Keyring) -> None:
    """Turn the typed batch of any table but setl_d and roster into core columns."""
    named = batch.frame.rename(RENAMES.get(layout.table, {}))
    batch.frame = named if layout.table in SEALED_TEXT else without_numbers(named)
    special = {
        "payment": _payment,
        "paid_ledger": _paid_ledger,
        "fee_list_d": _items,
        "setl_diag_list_d": _diagnoses,
        "psn_info_b": _person_info,
        "fixmedins_b": _institutions,
        "decision": _decision,
        "payee": _payee,
        "consent": _consent,
        "feedback": _feedback,
    }.get(layout.table)
    if special is not None:
        special(batch, layout, ring)


def without_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    """Open text that stays in the lake without certificate, phone and account numbers."""
    open_text = [name for name in OPEN_TEXT if name in frame.columns]
    return frame.with_columns(pl.col(open_text).str.replace_all(r"\d{11,}[Xx]?", "***"))


def _payment(batch: Typed, layout: Layout, ring: Keyring) -> None:
    frame = batch.frame
    note = frame["note"]
    words = pl.concat_str(pl.col("note").fill_null(""), pl.lit("|"), pl.col("payer").fill_null(""))
    batch.frame = frame.with_columns(
        note_key=pseudonyms("note|" + note, ring.secret),
        says_medical=pl.col("note").str.contains("医疗|医药|住院|看病|治疗|就医|门诊").fill_null(False),
        names_fund=words.str.contains("封顶|暖心基金|共富基金"),
    )
    unknown = frame["kind"].is_not_null() & ~frame["kind"].is_in(list(PAYMENT_KINDS))
    batch.faults.add(
        "code", layout.header_of("kind"), "待遇类别不在规定的类别之内，请更正后重新导出", unknown
    )


def _object(texts: pl.Series, ring: Keyring) -> tuple[pl.Series, pl.Series]:
    """An object number without personal data, and the person's key where it is a certificate number.

    `<number>/<category>` keeps its category; a household number that holds a certificate number becomes H….
    """
    parts = texts.str.splitn("/", 2).struct.unnest()
    read = certificates(parts["field_0"])
    key, _ = certificate_keys(read, None, ring.secret)
    key = key.zip_with(read.number.is_not_null(), pl.repeat(None, len(key), dtype=pl.Int64, eager=True))
    nobody = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
    plain = households(parts["field_0"], nobody, ring.secret)
    bare = plain.zip_with(key.is_null(), key_texts(key, "P"))
    tail = ("/" + parts["field_1"]).fill_null("")
    return bare + tail, key


def _paid_ledger(batch: Typed, layout: Layout, ring: Keyring) -> None:
    object_id, key = _object(batch.frame["object_id"], ring)
    batch.frame = batch.frame.with_columns(object_id=object_id, object_key=key)


def _decision(batch: Typed, layout: Layout, ring: Keyring) -> None:
    """Objects and values without personal data; settlement ids stay as they are, whatever number they look like.

    Of 理由 and 决定人 only a key goes to the lake: an officer writes there what he likes.
    """
    frame = batch.frame
    rule = frame["object_id"].str.extract(r"^([A-Z]{1,2}-\d{2})[/|]", 1)
    bare, key = _object(frame["object_id"].str.replace(r"^[A-Z]{1,2}-\d{2}[/|]", ""), ring)
    object_id = pl.select(pl.concat_str([rule, bare], separator="/", ignore_nulls=True)).to_series()
    value_id, _ = _object(frame["value"], ring)
    settled = frame["object_kind"] == "结算"
    object_id = _settlement(frame["object_id"], object_id, settled)
    value = _settlement(frame["value"], value_id, settled & (frame["verdict"] == "冲正配对"))
    words = pl.select(pl.format("reason|{}|{}", frame["reason"], frame["decided_by"])).to_series()
    lists = frame.select(
        pl.when(pl.col("object_kind") == LIST_KIND).then(tidy(pl.col("object_id")))
    ).to_series()
    frame = frame.with_columns(reason_key=pseudonyms(words, ring.secret))
    hidden = pl.col("object_id", "value").str.replace_all(r"([/|=])\d{15,}[Xx]?", "${1}***")
    named = frame.with_columns(object_id=object_id, object_key=key, value=value).with_columns(hidden)
    batch.frame = named.with_columns(object_id=pl.coalesce(lists, "object_id"))


def _settlement(raw: pl.Series, coded: pl.Series, wanted: pl.Series) -> pl.Series:
    """The id as written where a settlement is meant, unless it is a certificate number by form, birth date and digit."""
    read = certificates(raw)
    months = raw.str.contains(r"^\d{6}(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])\d{3}[\dXx]$")
    first = read.number // 11
    plausible = (months & (check_values(first) == read.number % 11)).fill_null(False)
    return coded.zip_with(~(wanted & ~plausible).fill_null(False), raw)


def _payee(batch: Typed, layout: Layout, ring: Keyring) -> None:
    frame = batch.frame
    nobody = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    batch.frame = frame.with_columns(
        household_raw=pl.col("household_id"),
        household_id=households(frame["household_id"], nobody, ring.secret),
    )


def _consent(batch: Typed, layout: Layout, ring: Keyring) -> None:
    answer = batch.frame["agreed"]
    unknown = answer.is_not_null() & ~answer.is_in(["1", "0"])
    batch.faults.add(
        "code", layout.header_of("agreed"), "是否授权只能填“是”或“否”，请更正后重新导出", unknown
    )


def _feedback(batch: Typed, layout: Layout, ring: Keyring) -> None:
    """Of the reason on the list that comes back only a key stays: enough to see whether somebody changed it."""
    batch.frame = batch.frame.with_columns(why_key=reason_keys(batch.frame["why"], ring.secret))


def reason_keys(reasons: pl.Series, secret: bytes) -> pl.Series:
    """Keyed hash of each reason of a township list, blanks and widths of characters apart."""
    return pseudonyms("why|" + reasons.str.normalize("NFKC").str.replace_all(r"\s+", ""), secret)


def _items(batch: Typed, layout: Layout, ring: Keyring) -> None:
    levels = {"1": "01", "2": "02", "3": "03", "甲": "01", "乙": "02", "丙": "03", "甲类": "01", "乙类": "02",
              "丙类": "03", "自费": "03"}  # fmt: skip
    batch.frame = batch.frame.with_columns(pl.col("item_level").replace(levels))


def _diagnoses(batch: Typed, layout: Layout, ring: Keyring) -> None:
    batch.frame = batch.frame.with_columns(pl.col("diag_code").str.to_uppercase())


def _institutions(batch: Typed, layout: Layout, ring: Keyring) -> None:
    code = pl.col("institution_code").str.slice(1, 6)
    own = pl.when(code.str.contains(r"^\d{6}$")).then(code)
    batch.frame = batch.frame.with_columns(institution_region=pl.coalesce("institution_region", own))


def _person_info(batch: Typed, layout: Layout, ring: Keyring) -> None:
    """The household booklet's number is personal: only its key stays."""
    batch.frame = batch.frame.with_columns(
        booklet_key=pseudonyms("booklet|" + batch.frame["resdbook_no"], ring.secret)
    )


def info_columns() -> dict[str, pl.Expr]:
    """What psn_info_b says of a person beyond the keys: address, phone, death."""
    dead = (pl.col("surv_stas") == "2") | pl.col("die_date").is_not_null()
    live = pl.col("live_addr").is_not_null()
    return {
        "dead": pl.when(dead.fill_null(False)).then(True),
        "died_on": pl.col("die_date"),
        "place_kind": pl.when(live)
        .then(pl.lit("live_addr"))
        .when(pl.col("hsreg_addr").is_not_null())
        .then(pl.lit("hsreg_addr")),
        "place_text": pl.coalesce("live_addr", "hsreg_addr"),
        "place_time": pl.col("updt_time"),
        "phone": pl.coalesce("mob", "tel"),
        "address": pl.coalesce("live_addr", "hsreg_addr"),
    }


def registered_columns() -> dict[str, pl.Expr]:
    """The same with the place of registration (户籍地址), of rows that have another address as well."""
    return info_columns() | {"place_kind": pl.lit("hsreg_addr"), "place_text": pl.col("hsreg_addr")}
