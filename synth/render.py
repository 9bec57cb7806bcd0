"""From rows with the truth on them to the text that a department delivers."""

from __future__ import annotations

import numpy as np
import polars as pl

from synth import ids
from synth.events import BAD_DATE, THREE_DECIMALS
from synth.people import (
    ALWAYS_WRONG,
    MESSY,
    NO_ID,
    OLD_15,
    PASSPORT,
    PLAIN_ID,
    SOMETIMES_MISSING,
    SOMETIMES_WRONG,
    People,
)
from synth.settle import Institution

MONEY = {
    "tot": "medfee_sumamt", "ooc": "fulamt_ownpay_amt", "ovl": "overlmt_selfpay", "pre": "preselfpay_amt",
    "pol": "inscp_amt", "ded": "act_pay_dedc", "hifp": "hifp_pay", "cvl": "cvlserv_pay", "hifes": "hifes_pay",
    "hifmi": "hifmi_pay", "hifob": "hifob_pay", "hifdm": "hifdm_pay", "maf": "maf_pay", "oth": "othfund_pay",
    "fund": "fund_pay_sumamt", "psn": "psn_pay", "acct": "acct_pay", "cash": "cash_payamt",
    "mul": "acct_mulaid_pay", "hosp": "ownpay_hosp_part",
}  # fmt: skip
INTERFACE = {
    "inscp_amt": "inscp_scp_amt", "psn_pay": "psn_part_amt", "cash_payamt": "psn_cash_pay",
    "othfund_pay": "oth_pay", "ownpay_hosp_part": "hosp_part_amt", "dise_no": "dise_codg",
}  # fmt: skip
OPTIONAL = (
    "act_pay_dedc", "cvlserv_pay", "hifes_pay", "hifmi_pay", "hifob_pay", "hifdm_pay", "maf_pay", "othfund_pay",
    "acct_mulaid_pay", "ownpay_hosp_part",
)  # fmt: skip
CERT_TYPE = {PASSPORT: "08", NO_ID: "99"}
DISEASES = (
    ("M03900", "高血压病"),
    ("M01600", "糖尿病"),
    ("M04600", "冠心病"),
    ("M07803", "慢性肾功能不全(血透)"),
)


class Renderer:
    """Lookup columns of one county, by person and by institution."""

    def __init__(self, people: People, inst: list[Institution], *, assisted: bool = False) -> None:
        """``assisted``: the extract shows disease codes of its own, referral and tilt relief."""
        self.people, self.assisted = people, assisted
        sex = pl.Series("gend", people.sex).cast(pl.String)
        kind = pl.Series("k", people.id_kind)
        cert_type = pl.select(
            pl.when(kind == PASSPORT)
            .then(pl.lit("08"))
            .when(kind == NO_ID)
            .then(pl.lit("99"))
            .otherwise(pl.lit("01"))
        ).to_series()
        self.lookup = pl.DataFrame(
            {
                "psn_no": people.psn_no,
                "psn_name": people.name,
                "psn_cert_type": cert_type,
                "certno": people.certno,
                "gend": sex,
                "brdy": pl.Series(people.born),
                "emp_name": people.emp_name,
            }
        )
        self.inst = pl.DataFrame(
            {
                "fixmedins_code": [i.code for i in inst],
                "fixmedins_name": [i.name for i in inst],
                "hosp_lv": [i.on_settlements for i in inst],
                "fix_blng_admdvs": [i.region for i in inst],
            }
        )
        self.insured = pl.Series("insu_admdvs", list(people.insu_codes))

    def bulk(self, df: pl.DataFrame, *, plain: bool) -> pl.DataFrame:
        """Platform columns, amounts as yuan (float: two decimals are exact when written), dates typed."""
        who = self.lookup[df["p"].to_numpy()]
        where = self.inst[df["inst"].to_numpy()]
        sick = pl.col("med_type") == "14"
        pick = pl.col("p") % len(DISEASES)
        out = pl.concat([df, who, where], how="horizontal").with_columns(
            self.insured[df["insured"].to_numpy()],
            pl.col("insutype").cast(pl.String),
            *((pl.col(k) / 100).alias(v) for k, v in MONEY.items()),
            pl.when(sick).then(pick.cast(pl.String)).otherwise(pl.lit("")).alias("d"),
            pl.col("setl_time").dt.year().cast(pl.String).alias("year"),
        )
        codes = {str(i): c for i, (c, _) in enumerate(DISEASES)}
        titles = {str(i): t for i, (_, t) in enumerate(DISEASES)}
        out = out.with_columns(
            pl.col("d").replace(codes).alias("dise_no"),
            pl.col("d").replace(titles).alias("dise_name"),
            pl.col("manl").alias("manl_reim_rea"),
            pl.col("refd").alias("refd_setl_flag"),
            pl.col("vali").alias("vali_flag"),
            pl.col("nwb").alias("nwb_flag"),
            pl.when(pl.col("setl_type") == "2").then(pl.lit("2")).otherwise(pl.lit("1")).alias("pay_loc"),
            pl.lit("").alias("sp_psn_type"),
            pl.lit("0").alias("mid_setl_flag"),
            pl.lit("").alias("emp_no"),
        )
        more: tuple[str, ...] = ()
        if self.assisted:
            out = out.with_columns(
                dise_no="dise",
                dise_name=pl.lit(""),
                refl_stas="refl",
                tilt_pay=pl.when("tilt_ok").then(pl.col("tilt") / 100),
            )
            more = ("refl_stas", "tilt_pay")
        if plain:
            return out.select(*PLAIN_COLUMNS, *more)
        return out.with_columns(
            ("R" + pl.col("setl_id") + pl.col("ver").cast(pl.String)).alias("rid"),
            pl.col("setl_time").alias("crte_time"),
            pl.col("updt_time").alias("opt_time"),
            pl.col("fixmedins_code").str.slice(1, 6).alias("optins_no"),
            *(pl.lit(v).alias(k) for k, v in NOISE.items()),
        ).select(*FULL_COLUMNS, *more)


HEAD = (
    "setl_id", "mdtrt_id", "init_setl_id", "psn_no", "psn_name", "psn_cert_type", "certno", "gend", "brdy",
    "insutype", "insu_admdvs", "emp_name", "fixmedins_code", "fixmedins_name", "fix_blng_admdvs", "hosp_lv",
    "begndate", "enddate", "setl_time", "med_type", "setl_type",
)  # fmt: skip
TAIL = (
    "dise_no", "dise_name", "refd_setl_flag", "vali_flag", "out_flag", "manl_reim_rea", "nwb_flag", "pay_loc",
    "year", "updt_time",
)  # fmt: skip
PLAIN_COLUMNS = (*HEAD, *MONEY.values(), *TAIL)
NOISE = {
    "psn_type": "1501", "cvlserv_flag": "0", "naty": "01", "mdtrt_cert_type": "02", "clr_type": "99",
    "clr_way": "1", "opter_id": "SYNTH01", "opter_name": "合成经办", "crter_id": "SYNTH01",
    "invono": "", "memo": "", "poolarea_no": "", "acct_used_flag": "0",
}  # fmt: skip
FULL_COLUMNS = (
    "rid", *HEAD, "emp_no", "sp_psn_type", "mid_setl_flag", *MONEY.values(), *TAIL,
    "crte_time", "opt_time", "optins_no", *NOISE,
)  # fmt: skip
DATE_COLUMNS = ("begndate", "enddate", "brdy")
TIME_COLUMNS = ("setl_time", "updt_time", "crte_time", "opt_time")


def as_text(out: pl.DataFrame) -> pl.DataFrame:
    """Every column as the text that it has in a file."""
    money = [c for c in (*MONEY.values(), "tilt_pay") if c in out.columns]
    whole = [(pl.col(c) * 100).round().cast(pl.Int64).alias(c) for c in money]
    sign = [
        pl.when(pl.col(c) < 0).then(pl.lit("-")).otherwise(pl.lit(""))
        + (pl.col(c).abs() // 100).cast(pl.String)
        + "."
        + (pl.col(c).abs() % 100).cast(pl.String).str.zfill(2)
        for c in money
    ]
    return out.with_columns(whole).with_columns(
        *(e.fill_null("").alias(c) for c, e in zip(money, sign, strict=True)),
        *(pl.col(c).dt.strftime("%Y-%m-%d") for c in DATE_COLUMNS if c in out.columns),
        *(pl.col(c).dt.strftime("%Y-%m-%d %H:%M:%S") for c in TIME_COLUMNS if c in out.columns),
    )


def _id_as_delivered(number: str, kind: int, k: int) -> str:
    if kind == OLD_15:
        return number[:6] + number[8:17] if k % 2 else number
    if kind == SOMETIMES_WRONG:
        return ids.wrong_digit(number) if k % 3 == 0 else number
    if kind == SOMETIMES_MISSING:
        return "" if k % 3 == 0 else number
    if kind == PASSPORT:
        return number.lower() if k % 2 else number
    if kind == MESSY:
        return (f"'{number}", number.lower(), f" {number} ", number.translate(ids.FULL_WIDTH))[k % 4]
    return number


def _restyle(row: dict[str, str], style: int) -> None:
    money = [c for c in MONEY.values() if row[c]]
    if style == 1:
        for c in money:
            whole, _, cents = row[c].partition(".")
            row[c] = f"{'-' if whole[0] == '-' else ''}¥{int(whole.lstrip('-')):,}.{cents}"
    elif style == 2:
        row["medfee_sumamt"] = row["medfee_sumamt"].translate(ids.FULL_WIDTH).replace(".", "．")
        row["certno"] = row["certno"].translate(ids.FULL_WIDTH)
    elif style == 3:
        row["certno"], row["psn_no"] = f"'{row['certno']}" if row["certno"] else "", f"{row['psn_no']} "
        row["psn_pay"] = f" {row['psn_pay']} "
    elif style in (4, 7):
        for c in OPTIONAL:
            if row[c] == "0.00":
                row[c] = "" if style == 4 else "--"
    elif style == 8:
        for c in (c for c in ("begndate", "enddate") if row[c]):
            year, month, day = row[c].split("-")
            row[c] = f"{year}/{int(month)}/{int(day)}" if c == "begndate" else f"{year}{month}{day}"
    elif style == THREE_DECIMALS:
        row["medfee_sumamt"] += "7"
    elif style == BAD_DATE:
        row["setl_time"] = f"{row['setl_time'][:4]}-02-30 10:00:00"


def odd_rows(df: pl.DataFrame, out: pl.DataFrame, people: People) -> pl.DataFrame:
    """Text rows of those that are not written plainly: untidy certificate numbers, amounts and dates."""
    rows = as_text(out).to_dicts()
    kinds = people.id_kind[df["p"].to_numpy()]
    for row, kind, style, number in zip(rows, kinds, df["odd"], df["setl_id"], strict=True):
        row["certno"] = _id_as_delivered(row["certno"], int(kind), int(number[-6:]))
        _restyle(row, style)
    return pl.DataFrame(rows, schema={c: pl.String for c in out.columns})


def is_odd(df: pl.DataFrame, people: People) -> pl.Series:
    """Which rows need the slow way: a text fault or a person whose number is not plain."""
    kinds = people.id_kind[df["p"].to_numpy()]
    return pl.Series((df["odd"].to_numpy() != 0) | ~np.isin(kinds, (PLAIN_ID, ALWAYS_WRONG, NO_ID)))
