"""Referrals, filings, diagnoses, opening balances and the local reference tables as files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from synth.care import DISEASES, FREE, LIST_FROM
from synth.model import World
from synth.write import Inbox, Style

LISTS = ("full", "empty", "missing")


def _day(d: date | None) -> str:
    return d.isoformat() if d else ""


def _file(
    inbox: Inbox, stem: str, table: str, received: date, header: Sequence[str], rows: Iterable[Sequence[str]],
    style: Style,
) -> None:  # fmt: skip
    content = list(rows)
    if content:
        frame = pl.DataFrame(content, schema=dict.fromkeys(header, pl.String), orient="row")
        inbox.text(stem, table, received, [frame], style)


def care_files(inbox: Inbox, world: World, numbers: dict[str, str], year: int) -> None:
    """refl_appy_evt_c, out_appy_d, setl_diag_list_d and 已用额度; ``numbers``: certificate number → psn_no."""
    received = date(year + 1, 1, 9)
    _file(
        inbox, f"refl_appy_evt_c_{year}", "refl_appy_evt_c", received,
        ("psn_no", "certno", "mdtrt_id", "setl_id", "refl_date", "begndate", "enddate", "refl_setl_flag", "vali_flag"),
        ((numbers.get(r.who, ""), r.who, r.mdtrt, r.settlement, _day(r.on), _day(r.begins), _day(r.ends), "1",
          "1" if r.valid else "0") for r in dict.fromkeys(world.referrals)),
        Style("gb18030"),
    )  # fmt: skip
    _file(
        inbox, f"out_appy_d_{year}", "out_appy_d", received,
        ("psn_no", "certno", "begndate", "enddate", "rloc_admdvs", "trafout_fixmedins_code", "rloc_rea", "vali_flag"),
        ((numbers.get(f.who, ""), f.who, _day(f.begins), _day(f.ends), f.place, f.institution, "1",
          "1" if f.valid else "0") for f in dict.fromkeys(world.filings)),
        Style("utf-8", "\t", upper=True, ending="txt"),
    )  # fmt: skip
    _file(
        inbox, f"setl_diag_list_d_{year}", "setl_diag_list_d", received,
        ("mdtrt_id", "psn_no", "diag_code", "diag_name", "maindiag_flag", "inout_diag_type", "diag_srt_no"),
        ((d.mdtrt, numbers.get(d.who, ""), d.code, "", "1" if d.main else "0", "2" if d.out else "1", "1")
         for d in dict.fromkeys(world.diagnoses)),
        Style("utf-8-sig", ";"),
    )  # fmt: skip
    _file(
        inbox, f"已用额度_{year}", "opening_balance", date(year, 6, 12),
        ("身份证号", "年度", "账户", "已用金额", "截至日期"),
        ((o.who, str(year), o.account, f"{o.amount / 100:.2f}", _day(o.until)) for o in dict.fromkeys(world.openings)),
        Style("gb18030"),
    )  # fmt: skip


def reference_files(folder: Path, region: str, year: int, disease_list: str) -> None:
    """What the bureau adds to the reference tables: its list of diseases, and where no referral is needed.

    ``disease_list``: full, empty (delivered without rows: there are none) or missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    since = date(year, *LIST_FROM).isoformat()
    rows = [(region, kind, code, "", group, since, "", "合成数据") for kind, code, group in DISEASES]
    header = ("region_code", "code_kind", "code", "name", "class", "valid_from", "valid_to", "source")
    (folder / "special_disease.csv").unlink(missing_ok=True)
    if disease_list != "missing":
        _reference(folder / "special_disease.csv", header, rows if disease_list == "full" else [])
    free = [(region, prefix, level, f"{year}-01-01", "合成数据") for prefix, level in FREE]
    _reference(
        folder / "referral_free.csv",
        ("region_code", "place_prefix", "hosp_lv_max", "valid_from", "source"),
        free,
    )


def _reference(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as f:
        write = csv.writer(f)
        write.writerow(header)
        write.writerows(rows)
