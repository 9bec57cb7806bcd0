"""A small home for warnings: people of one district, their settlements and lists by the day on which they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import openpyxl
import polars as pl

from flows import pipeline
from flows.assess import assess
from flows.configuration import load_configuration
from flows.pipeline import Outcome, Request
from stores import lake
from stores.home import Home
from synth.ids import check_digit
from tests.support import quiet, table
from transforms.pseudonym import key_texts

SETTLEMENT = (
    "setl_id,mdtrt_id,init_setl_id,psn_no,psn_name,psn_cert_type,certno,gend,insutype,insu_admdvs,fixmedins_code,"
    "fixmedins_name,setl_time,med_type,medfee_sumamt,fulamt_ownpay_amt,overlmt_selfpay,preselfpay_amt,inscp_amt,"
    "hifp_pay,fund_pay_sumamt,psn_pay,acct_pay,cash_payamt,refd_setl_flag,vali_flag,updt_time"
)
ROSTER = (
    "区划代码,家庭编号,户主身份证号,姓名,身份证号,救助身份,生效日期,失效日期,认定部门,名单类型,名单月份,"
    "乡镇街道代码,乡镇街道,村社区,联系电话,住址"
)
INCOME = "region_code,year,kind,amount_yuan,status,source"
TOWNS = {"330112102": "高虹镇", "330112104": "於潜镇", "330112106": "太阳镇"}


def certno(number: int) -> str:
    """The certificate number of an invented person, with its right check digit; no such area code exists."""
    body = f"33019919{60 + number % 30:02d}0101{number:03d}"
    return body + check_digit(body)


def settled(
    number: str, who: int, on: str, psn: str, *, cash: str | None = None, scheme: str = "390", init: str = "",
    flag: str = "0", updated: str = "", county: str = "330112",
) -> str:  # fmt: skip
    """One row: half of the total borne by the person, all in cash where `cash` does not say otherwise."""
    paid = cash if cash is not None else psn
    account = f"{float(psn) - float(paid):.2f}"
    total = f"{float(psn) * 2:.2f}"
    return (
        f"{number},V{number},{init},N{who:04d},王某,01,{certno(who)},1,{scheme},{county},H33011200001,某医院,"
        f"{on} 10:00:00,11,{total},0,0,0,{total},{psn},{psn},{psn},{account},{paid},{flag},1,{updated}"
    )


def listed(
    who: int, label: str = "低保对象", *, begin: str = "2022-01-01", end: str = "", month: str = "202301",
    town: str = "330112102", house: str = "", head: int | None = None, kind: str = "在册", department: str = "民政",
) -> str:  # fmt: skip
    """One roster row; the household is the person's own."""
    number = house or f"F{who:04d}"
    return (
        f"330112,{number},{certno(who if head is None else head)},王某,{certno(who)},{label},{begin},{end},{department},{kind},{month},{town},"
        f"{TOWNS[town]},甲村,13900000000,{TOWNS[town]}甲村1号"
    )


def write(folder: Path, name: str, header: str, rows: Sequence[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


class County:
    """A home that files are brought to on their days, and that is run on others."""

    def __init__(self, root: Path, income: Sequence[str] = ()) -> None:
        self.root = root
        self.home = Home(root / "home")
        self.home.ensure()
        self.number = 0
        self.incomes(income)

    def incomes(self, rows: Sequence[str]) -> None:
        """Replace the local table of incomes; a row is `year,kind,amount,status`."""
        lines = [f"330112,{row},统计公报（虚构）" for row in rows]
        write(self.home.reference, "income.csv", INCOME, lines)

    def bring(self, day: str, name: str, rows: Sequence[str], header: str = SETTLEMENT) -> None:
        path = write(self.root / "files" / day, name, header, rows)
        pipeline.read_inbox(self.home, date.fromisoformat(day), quiet, [path])

    def bring_file(self, day: str, path: Path) -> None:
        pipeline.read_inbox(self.home, date.fromisoformat(day), quiet, [path])

    def run(
        self,
        on: str,
        year: int = 2023,
        *,
        kind: str = "backfill",
        push: bool = False,
        as_of: str | None = None,
    ) -> Outcome:
        """Assess and publish a year as of a day."""
        self.number += 1
        day = date.fromisoformat(on)
        cut = date.fromisoformat(as_of) if as_of else None
        asked = Request(
            self.home.root, kind, year, day, day, f"R{self.number:04d}", datetime(day.year, day.month, day.day, 2),
            None, cut, True, push,
        )  # fmt: skip
        with pipeline.recorded(asked):
            folder, fresh = pipeline.assess_year(self.home, year, asked, quiet)
            warehouse, exports, attention = pipeline.deliver(self.home, asked, {year: folder}, quiet)
        years = frozenset({year} if fresh else ())
        return Outcome(asked, None, {year: folder}, years, warehouse, exports, attention)

    def assessed(self, on: str, year: int = 2023) -> dict[str, pl.DataFrame]:
        """The result frames of a night that knew what had been received by its day; nothing is published."""
        day = date.fromisoformat(on)
        files = lake.files_in_force(self.home, day)
        return assess(self.home, files, load_configuration(self.home, None), year, day, quiet).tables

    def cases(self, on: str, year: int = 2023) -> pl.DataFrame:
        """The cases of such a night, amounts in yuan with two decimals, ids as they are published."""
        rows = self.assessed(on, year).get("warning")
        if rows is None:
            return pl.DataFrame()
        yuan = [
            (pl.col(f"{name}_fen").cast(pl.Decimal(18, 2)) / 100)
            .cast(pl.Decimal(18, 2))
            .alias(f"{name}_yuan")
            for name in ("measure", "threshold", "aid")
        ]
        return rows.with_columns(*yuan, warning_id=key_texts(rows["warning_id"], "W")).sort(
            "rule_id", "warning_id"
        )


def findings(outcome: Outcome) -> list[tuple[str, str]]:
    """rule_id and finding of a published run."""
    assert outcome.warehouse is not None
    rows = table(outcome.warehouse, "select distinct rule_id, finding from mart.roster_finding order by all")
    return [(str(rule), str(text)) for rule, text in rows.iter_rows()]


def books(outcome: Outcome) -> dict[str, Path]:
    """The township workbooks of a run by the name of the township."""
    assert outcome.exports is not None
    return {path.name.split("_")[-2]: path for path in (outcome.exports / "townships").glob("*.xlsx")}


def listed_rows(path: Path, sheet: str = "预警名单") -> list[dict[str, object]]:
    """The cases of a sheet by header."""
    heading, *rows = openpyxl.load_workbook(path)[sheet].iter_rows(values_only=True)
    names = [str(cell) for cell in heading]
    return [dict(zip(names, row, strict=True)) for row in rows if row[0]]


def filled(
    path: Path, target: Path, answers: Mapping[str, Mapping[str, object]], drop: Sequence[str] = ()
) -> Path:
    """The workbook as a township sends it back: cells filled in by warning number and header, some rows deleted."""
    book = openpyxl.load_workbook(path)
    for page in book.worksheets:
        heads = {str(cell.value): cell.column for cell in page[1]}
        for row in range(page.max_row, 1, -1):
            number = page.cell(row, 1).value
            if number in drop:
                page.delete_rows(row)
                continue
            for name, value in answers.get(str(number), {}).items():
                page.cell(row, heads[name]).value = value
    target.parent.mkdir(parents=True, exist_ok=True)
    book.save(target)
    return target
