"""Every kind of workbook in LibreOffice: it opens without a question, prints on A4 landscape, and comes back whole.

And each township's workbook holds its own people, all of them and nobody else.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet
from typer.testing import CliRunner

from flows.cli import app
from flows.pipeline import Outcome
from stores.home import Home
from tests import office
from tests.agreement import person_keys
from tests.decision_home import HEADER, decided
from tests.support import table
from tests.test_warnings_run import INCOMES, three_townships
from tests.warning_home import ROSTER, TOWNS, County, books, certno, findings, listed, listed_rows, settled

YEAR, PEOPLE = 2023, range(1, 91)
NOWHERE, FAR = range(91, 94), range(94, 97)
"""Warned people whose township nobody knows; listed people with little to bear."""
needs_office = pytest.mark.skipif(
    office.lacking(), reason=f"LibreOffice is not installed (Debian: {office.PACKAGES})"
)
NUMBER = re.compile(r"(?<!\d)[1-9]\d{16}[\dX](?!\d)")
"""A certificate number."""
A4_LANDSCAPE = (841.89, 595.3)


@dataclass(frozen=True)
class Issued:
    """A county's published year, and a forecast for it."""

    home: Home
    outcome: Outcome
    forecast: Path

    @property
    def exports(self) -> Path:
        assert self.outcome.exports is not None
        return self.outcome.exports

    def rows(self, sql: str) -> pl.DataFrame:
        assert self.outcome.warehouse is not None
        return table(self.outcome.warehouse, sql)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    """Three townships with thirty families each, all over the cap, a third of them confirmed; every list has a row."""
    root = tmp_path_factory.mktemp("office")
    made = County(root, INCOMES)
    towns = list(TOWNS)
    rows = [listed(who, town=towns[who % 3]) for who in (*PEOPLE, *FAR)]
    made.bring("2024-01-05", "名册.csv", [*rows, listed(99, begin="2023年13月1日")], ROSTER)
    costs = [settled(f"S{who}", who, "2023-03-01", f"{30000 + who * 350}") for who in (*PEOPLE, *NOWHERE)]
    made.bring(
        "2024-01-05", "结算.csv", [*costs, *(settled(f"S{who}", who, "2023-03-01", "90") for who in FAR)]
    )
    ill = [f"{certno(who)},M01,高血压,2023-01-01," for who in PEOPLE[:9]]
    made.bring("2024-01-06", "慢病.csv", ill, "certno,opsp_dise_code,opsp_dise_name,begndate,enddate")
    covered = [f"{certno(who)},王某,{YEAR},某惠民保,某公司" for who in PEOPLE[:9]]
    made.bring("2024-01-06", "惠民保.csv", covered, "身份证号,姓名,保障年度,产品名称,承保公司")
    confirmed = [decided("家庭", f"F{who:04d}", "确认") for who in PEOPLE[::3]]
    made.bring("2024-03-02", "决定.csv", confirmed, HEADER)
    outcome = made.run("2024-03-31")
    words = ["simulate", "--year", str(YEAR), "--home", str(made.home.root), "--out", str(root / "forecast")]
    done = CliRunner().invoke(app, [*words, "--set=L-04.cap_yuan.DIBAO=25000"])
    assert done.exit_code == 0, done.stderr
    (forecast,) = (root / "forecast").glob("*.xlsx")
    return Issued(made.home, outcome, forecast)


def one_of_each_kind(county: Issued) -> list[Path]:
    """The largest workbook of each kind, and the list of those whose township nobody knows."""
    largest: dict[tuple[str, str], Path] = {}
    for path in sorted(county.exports.rglob("*.xlsx"), key=lambda path: path.stat().st_size):
        kind = re.sub(r"\d{6,}|^[^_]*镇_|^[^_]*街道_|_[^_]*(?=_预警名单|_封顶差额)", "", path.stem)
        largest[path.parent.name, kind] = path
    return [*sorted(largest.values()), county.forecast]


@pytest.fixture(scope="module")
def seen(county: Issued, tmp_path_factory: pytest.TempPathFactory) -> dict[str, office.Seen]:
    """Each of them as the office shows it, by file name."""
    found = office.in_office(tmp_path_factory.mktemp("seen") / "office", one_of_each_kind(county))
    return {shown.book.name: shown for shown in found}


@needs_office
def test_every_kind_of_workbook_opens_without_a_question_and_is_saved_as_it_was(
    seen: dict[str, office.Seen],
) -> None:
    for name, shown in seen.items():
        assert shown.opened and shown.frozen and shown.asked == [], name
        assert office.differences(shown.book, shown.saved) == [], name
    kinds = (
        "今日须办",
        "给付名单",
        "公示",
        "预警名单",
        "封顶差额",
        "名单问题",
        "预警信息",
        "应享未享",
        "持证与负担",
        "浙里慢病",
        "惠民理赔",
        "评价考核",
        "模拟",
        "未知乡镇",
    )
    assert not [kind for kind in kinds if not any(kind in name for name in seen)]


Change = Callable[[str, bytes], bytes | None]
"""What becomes of a part of a workbook, by its name."""


def copied(book: Path, target: Path, change: Change) -> Path:
    """The workbook with its parts changed; a part that becomes nothing is left out."""
    with zipfile.ZipFile(book) as whole, zipfile.ZipFile(target, "w") as changed:
        for part in whole.namelist():
            content = change(part, whole.read(part))
            if content is not None:
                changed.writestr(part, content)
    return target


@needs_office
def test_what_is_damaged_or_asks_somebody_is_noticed(county: Issued, tmp_path: Path) -> None:
    """Cut short, a broken reference, texts missing, half a sheet, a cell outside: refused or not as it was. A password."""
    book = min((county.exports / "townships").glob("*.xlsx"))
    cut = tmp_path / "cut.xlsx"
    cut.write_bytes(book.read_bytes()[: book.stat().st_size * 2 // 3])
    hurt: dict[str, Change] = {
        "reference": lambda part, c: c.replace(b"sheet1.xml", b"sheet9.xml") if part.endswith("book.xml.rels") else c,
        "texts": lambda part, c: None if part == "xl/sharedStrings.xml" else c,
        "half": lambda part, c: c[: len(c) // 2] if part.endswith("sheet1.xml") else c,
        "outside": lambda part, c: c.replace(b'r="C2"', b'r="ZZZ2"') if part.endswith("sheet1.xml") else c,
    }  # fmt: skip
    damaged = [cut, *(copied(book, tmp_path / f"{name}.xlsx", change) for name, change in hurt.items())]
    (locked,) = office.in_office(tmp_path / "lock", [book], password="1")
    *shown, asking = office.in_office(tmp_path / "office", [*damaged, locked.saved])
    assert [one.book.name for one in shown if one.opened and not office.differences(book, one.saved)] == []
    assert asking.asked and not asking.opened


@needs_office
def test_every_page_is_a4_landscape_with_title_heading_and_all_columns(seen: dict[str, office.Seen]) -> None:
    """No column stands on a page of its own: each page has the first and the last heading of its sheet."""
    long = 0
    for name, shown in seen.items():
        sizes, pages = office.sizes(shown.printed), office.pages(shown.printed)
        assert len(sizes) == len(pages) >= 1
        for size in sizes:
            assert size == pytest.approx(A4_LANDSCAPE, abs=0.5), name
        sheets = {
            blankless(sheet.oddHeader.center.text): sheet for sheet in openpyxl.load_workbook(shown.book)
        }
        told = []
        for number, page in enumerate(pages, start=1):
            (title,) = [text for text in sheets if page.startswith(text)][-1:]
            heads = [blankless(cell.value) for cell in sheets[title][1]]
            assert heads[0] in page and heads[-1] in page, (name, number)
            assert page.endswith(f"第{number}页，共{len(pages)}页2024-03-31"), (name, number)
            told.append(title)
        assert set(told) == set(sheets), name
        long += len(told) > len(sheets)
    assert long >= 3


@needs_office
def test_every_case_is_printed_once(seen: dict[str, office.Seen]) -> None:
    for name in [name for name in seen if name.endswith("_预警名单.xlsx")]:
        text = "".join(office.pages(seen[name].printed))
        numbers = [str(row["预警编号"]) for row in listed_rows(seen[name].book)]
        assert numbers and all(text.count(number) == 1 for number in numbers)


def blankless(text: object) -> str:
    return "".join(str(text).split())


def cells(book: Path) -> Iterator[str]:
    """Every text of a workbook, also what no cell shows."""
    with zipfile.ZipFile(book) as whole:
        yield from (whole.read(part).decode("utf-8") for part in whole.namelist())


def of_townships(county: Issued, folder: str) -> dict[str | None, Path]:
    """The workbooks of a folder by the code of their township; None: unknown."""
    paths = (county.exports / folder).glob("*.xlsx")
    return {None if path.stem.startswith("未知") else path.stem.split("_")[0]: path for path in paths}


def test_a_township_has_its_own_people_all_of_them_and_nobody_else(county: Issued) -> None:
    """By the numbers of cases and of people, and by whatever certificate number stands anywhere in the file."""
    cases = county.rows(
        "select warning_id, person_key, township_code from mart.warning"
        " where status not in ('withdrawn', 'closed', 'not_confirmed')"
    )
    home = dict(
        county.rows(
            f"select person_key, township_code from mart.person_year where cost_year = {YEAR}"
        ).iter_rows()
    )
    expected: dict[str | None, set[str]] = {}
    for number, _, town in cases.iter_rows():
        expected.setdefault(town, set()).add(number)
    found = of_townships(county, "townships")
    assert set(found) == {*TOWNS, None}
    shown = {town: [*listed_rows(path), *listed_rows(path, "新增")] for town, path in found.items()}
    assert {town: sorted(str(row["预警编号"]) for row in rows) for town, rows in shown.items()} == {
        town: sorted(numbers) for town, numbers in expected.items()
    }
    owner = dict(cases.select("warning_id", "person_key").iter_rows())
    for town, rows in shown.items():
        named = {str(row["身份证号"]): owner[str(row["预警编号"])] for row in rows if row["身份证号"]}
        keyed = keys(county, list(named))
        assert keyed == list(named.values())
        assert {home[key] for key in keyed} == {town}
        inside = {number for text in cells(found[town]) for number in NUMBER.findall(text)}
        assert inside == set(named)


def keys(county: Issued, numbers: list[str]) -> list[str]:
    """The published keys of the people of certificate numbers."""
    people = pl.DataFrame({"certno": numbers}, schema={"certno": pl.String})
    unknown = pl.lit(None, pl.String)
    return person_keys(
        county.home, people.with_columns(psn_no=unknown, region_code=unknown), "330112"
    ).to_list()


def test_a_list_of_families_near_the_cap_has_its_own_townships_people(county: Issued) -> None:
    """The same of 封顶差额: everybody at four fifths of a cap or more whose amount is still open."""
    units = county.rows(
        "select coalesce(head_person_key, unit_id) as head, township_code from mart.cap_gap where burden_yuan * 5 >= cap_yuan * 4"
        " and status not in ('not_pilot', 'not_in_force', 'paid')"
    )
    expected: dict[str | None, list[str]] = {}
    for head, town in units.iter_rows():
        expected.setdefault(town, []).append(head)
    found = {}
    for town, path in of_townships(county, "封顶差额").items():
        heading, *rows = openpyxl.load_workbook(path)["封顶差额"].iter_rows(values_only=True)
        numbers = [str(row[heading.index("身份证号")]) for row in rows]
        found[town] = sorted(keys(county, numbers))
        inside = {number for text in cells(path) for number in NUMBER.findall(text)}
        assert inside == set(numbers)
    assert found == {town: sorted(heads) for town, heads in expected.items()}


@needs_office
def test_a_township_fills_its_list_in_in_libreoffice_and_the_case_moves(tmp_path: Path) -> None:
    townships = three_townships(tmp_path)
    book = books(townships.run("2024-03-01"))["高虹镇"]
    page = openpyxl.load_workbook(book)["预警名单"]
    first, second = (str(page.cell(row, 1).value) for row in (2, 3))
    answers = {
        "走访日期": "2024-03-05",
        "走访人": "李某",
        "核实结果": "属实",
        "帮扶措施": "临时救助",
        "帮扶金额": "1500.5",
        "办结日期": "2024-03-08",
    }
    typed = [*at(page, 1, answers), *at(page, 2, {"走访日期": "2024-03-06", "核实结果": "不属实"})]
    (shown,) = office.in_office(tmp_path / "office", [book], typed)
    assert shown.asked == []
    townships.bring_file("2024-03-09", shown.saved)
    later = townships.run("2024-03-15")
    assert later.warehouse is not None
    rows = table(
        later.warehouse,
        "select warning_id, status, outcome, aid_yuan::text, visited_on, closed_on from mart.warning where status <> 'discovered'",
    )
    assert sorted(rows.rows()) == sorted(
        [
            (first, "closed", "属实", "1500.50", date(2024, 3, 5), date(2024, 3, 8)),
            (second, "not_confirmed", "不属实", None, date(2024, 3, 6), None),
        ]
    )
    assert not [found for found in findings(later) if found[0] == "Z-27"]


def at(page: Worksheet, row: int, answers: dict[str, str]) -> list[office.Typed]:
    """What is typed into a row (from 0) under the headings."""
    heads = [cell.value for cell in page[1]]
    return [(page.title, row, heads.index(name), text) for name, text in answers.items()]
