"""Large text files are read with amounts as numbers and codes as categories: it must not show in what is read."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_samples import SETTLEMENT, csv_text, rows, write_csv
from polars.testing import assert_frame_equal
from support import deliveries

from stores import lake, readers_text
from stores.home import Home
from stores.ingest import ingest

DAY = date(2024, 1, 5)
SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
AMOUNTS = ["0", "0.00", "12.5", "-3.10", "+7", "", '""', ".5", "5.", "1e3", "2E1", "1.005", "0.1000", " 8", "8 ", "¥9", "1,234.50",
           "nan", "inf", "99999999999", "-", "无", "１", "0.30000000000000004"]  # fmt: skip
CODES = ["01", "", "1.0", " 1", "无", "１", "'390", "390", "x" * 30]


def reading(
    root: Path, files: list[Path], threshold: int, monkeypatch: pytest.MonkeyPatch
) -> list[pl.DataFrame]:
    """Every core table, the rejects and what the manifests tell, of files read with that threshold."""
    monkeypatch.setattr(readers_text, "TYPED_FROM", threshold)
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    home = Home(root).ensure()
    summary = ingest(home, files, received=DAY)
    held = lake.files_in_force(home)
    tables = sorted({part["table"] for m in lake.manifests(home) for part in m.parts})
    told = [
        {
            "name": f.name,
            "status": f.status,
            "rows": f.rows,
            "rejected": str(f.rejected),
            "findings": str(f.findings),
        }
        for f in summary.files
    ]
    frames = [lake.scan(home, table, held).collect().sort("file_id", "source_row") for table in tables]
    return [*frames, lake.rejected(home, held).collect().sort("file_id", "source_row"), pl.DataFrame(told)]


def assert_read_alike(folder: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch) -> list[pl.DataFrame]:
    typed = reading(folder / "typed", files, 0, monkeypatch)
    text = reading(folder / "text", files, 2**60, monkeypatch)
    for left, right in zip(typed, text, strict=True):
        assert_frame_equal(left, right, check_row_order=False)
    return typed


def test_the_sample_county_is_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [path for path, _ in deliveries(SAMPLE) if path.suffix == ".csv"]
    frames = assert_read_alike(tmp_path, files, monkeypatch)
    assert sum(frame.height for frame in frames) > 1000


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(AMOUNTS), st.sampled_from(AMOUNTS), st.sampled_from(CODES)), min_size=1, max_size=6),
    st.booleans(),
)  # fmt: skip
def test_odd_amounts_and_codes_are_read_alike(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str, str]], only_plain: bool
) -> None:
    folder = tmp_path_factory.mktemp("odd")
    table = rows(
        SETTLEMENT,
        *(
            {"SETL_ID": f"S{n}", "MEDFEE_SUMAMT": total if not only_plain else "1000.00", "CVLSERV_PAY": part,
             "HOSP_LV": code}
            for n, (total, part, code) in enumerate(cells)
        ),
    )  # fmt: skip
    (folder / "a.csv").write_text(csv_text(table).replace('""""""', '""'), encoding="utf-8")
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert_read_alike(folder, [folder / "a.csv"], monkeypatch)


@pytest.mark.parametrize(
    ("amount", "rejected"),
    [("1e3", True), ("3.005", True), ("3.00", False), ("nan", True), ("12,345.00", False), ("", False)],
)
def test_what_a_number_parser_would_take_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, amount: str, rejected: bool
) -> None:
    row = {"SETL_ID": "S2", "ACT_PAY_DEDC": amount}
    path = write_csv(tmp_path / "a.csv", rows(SETTLEMENT, {}, row))
    *_, rejects, told = reading(tmp_path / "home", [path], 0, monkeypatch)
    assert told["rows"].to_list() == [2]
    assert rejects["rule"].to_list() == (["amount"] if rejected else [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,E11.900,x", False),
        ("a,3.30E+17", True),
        ("1e3", True),
        ("M05.9E", False),
        ("9e", False),
        ("", False),
    ],
)
def test_exponents_are_seen_below_the_header(tmp_path: Path, text: str, found: bool) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"1e5,header\n{text}\n", encoding="utf-8")
    assert readers_text.holds_exponents(path, 1) is found


@pytest.mark.parametrize("days", [2, 300])
def test_days_that_come_again_are_read_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    odd = [
        "",
        "-",
        "2023-02-30",
        "2023/5/1",
        "20230501",
        "9999-12-31",
        "１",
        "1850-01-01",
        "2023-05-01 08:09:10",
    ]
    told = [*odd, *(f"2023-0{1 + n % days // 28}-{1 + n % days % 28:02}" for n in range(200))]
    table = rows(
        SETTLEMENT,
        *({"SETL_ID": f"S{n}", "BEGNDATE": day, "ENDDATE": told[-n]} for n, day in enumerate(told)),
    )
    path = write_csv(tmp_path / "a.csv", table)
    frames = assert_read_alike(tmp_path, [path], monkeypatch)
    assert {"2023-02-30", "1850-01-01"}.isdisjoint(str(d) for d in frames[-3]["begndate"])
    assert frames[-2]["rule"].to_list() and set(frames[-2]["rule"]) == {"date"}


def test_an_id_that_lost_its_digits_is_still_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_csv(tmp_path / "a.csv", rows(SETTLEMENT, {}, {"SETL_ID": "S2", "CERTNO": "3.30E+17"}))
    monkeypatch.setattr(readers_text, "TYPED_FROM", 0)
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    summary = ingest(Home(tmp_path / "home").ensure(), [path], received=DAY)
    assert [file.status for file in summary.files] == ["refused"]
    assert "科学计数法" in (summary.files[0].message or "")
