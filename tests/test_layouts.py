"""Layouts: every shipped one is sound, and headers are recognised in all their variants."""

from __future__ import annotations

from pathlib import Path

import pytest
from ingest_samples import PAYMENT, ROSTER, SETTLEMENT

from schemas.core import MODELS
from schemas.layouts import Layout, LayoutError, header_key, load_layouts, recognise
from schemas.sources import SOURCES

FOLDER = Path(__file__).resolve().parents[1] / "data" / "layouts"


@pytest.fixture(scope="module")
def layouts() -> list[Layout]:
    return load_layouts(FOLDER)


def test_every_table_has_a_layout_and_a_core_model(layouts: list[Layout]) -> None:
    assert {layout.table for layout in layouts} == set(SOURCES)
    assert set(SOURCES) <= set(MODELS)


def test_every_layout_recognises_its_own_header_and_no_other_does(layouts: list[Layout]) -> None:
    for layout in layouts:
        header = [names[0] for names in layout.names.values()]
        match = recognise(header, layouts).match
        assert match is not None and match.layout.name == layout.name, layout.name


@pytest.mark.parametrize(("row", "table"), [(SETTLEMENT, "setl_d"), (ROSTER, "roster"), (PAYMENT, "payment")])
def test_untidy_headers(layouts: list[Layout], row: dict[str, str], table: str) -> None:
    header = [f"\ufeff {name.lower()}\u200b*" for name in row]
    match = recognise(header, layouts).match
    assert match is not None and match.layout.table == table
    assert len(match.columns) >= len(row) - 1


def test_brackets_widths_and_units_do_not_matter() -> None:
    assert (
        header_key("个人现金支付金额（元）")
        == header_key(" 个人现金支付金额(元)")
        == header_key("个人现金支付金额【元】")
    )
    assert header_key("ＳＥＴＬ＿ＩＤ") == "setl_id"


def test_a_unit_behind_an_amount_is_no_other_header(layouts: list[Layout]) -> None:
    header = ["金额（元）" if name == "金额" else name for name in PAYMENT]
    match = recognise(header, layouts).match
    assert match is not None and "amount" in match.columns


def test_missing_headers_name_the_closest_layout(layouts: list[Layout]) -> None:
    found = recognise([name for name in ROSTER if name != "生效日期"], layouts)
    assert found.match is None and found.closest is not None
    assert found.closest.layout.name == "roster" and found.closest.missing == ("生效日期",)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('table = "nowhere"', "unknown table"),
        (
            'table = "payment"\nfamily = "counter"\ntitle_zh = "x"\nrequired = ["amount"]\n[names]\namount = ["a"]',
            "nothing yields",
        ),
        ('table = "payment"\nsurprise = 1', "unknown keys"),
        ("table = ", "bad.toml"),
    ],
)
def test_a_layout_that_cannot_be_meant_is_an_error(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "bad.toml").write_text(text, encoding="utf-8")
    with pytest.raises(LayoutError, match=word):
        load_layouts(tmp_path)
