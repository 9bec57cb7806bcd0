"""`fengding explain` on assistance, tilt relief and decisions: the visits of `tests.test_decisions_visits`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.explain import explanation
from flows.explain_text import explain_lines
from stores.home import Home
from tests.decision_home import LEDGER, decided
from tests.support import deliver, run
from tests.test_decisions_visits import County, made
from tests.test_explain import bytes_of
from tests.test_order import ROSTER, SETTLEMENT, A, B, settlement, written


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[County]:
    """S1 confirmed and paid with 1,000 too much; explaining leaves every byte as it was."""
    found = made(tmp_path_factory.mktemp("visits"))
    found.decide(decided("结算", "S1", "确认").replace("已核实", "李某之妻王秀英来访"))
    found.run()
    found.receive(
        "ledger.csv", "2024-03-11", LEDGER, f"1,{found.benefit('P-17', 'S1')},,,,17000.00,2024-03-10"
    )
    found.run()
    before = bytes_of(found.home.root)
    yield found
    assert bytes_of(found.home.root) == before


def asked(county: County, text: str, rule: str | None = None) -> tuple[dict[str, Any], str]:
    told = explanation(county.home, text, 2023, rule)
    assert json.loads(json.dumps(told)) == told
    return told, "\n".join(explain_lines(told))


def test_every_step_of_a_stay(county: County) -> None:
    told, text = asked(county, A, "P-17")
    first, second = (line["visit"] for line in told["benefits"])
    assert (first["r0_yuan"], second["r0_yuan"]) == ("20000.00", "80000.00")
    for words in (
        "2023-06-10 结算，县医院，住院，结算 S1",
        "政策范围内还剩 20,000.00 元",
        "要超过 30,000.00 元",
        "救助比例是 80%",
        "年度限额还有 60,000.00 元，这次以后还有 44,000.00 元",
        "应付 16,000.00 元",
        "已付 17,000.00 元",
        "应退 1,000.00 元",
        "这次以前年度限额还有 44,000.00 元，这次以后还有 0.00 元",
        "当天的身份是低保",
        "二(三)2",
    ):
        assert words in text, words
    assert "A-P08=b" in text  # another reading gives another amount


def test_tilt_rests_on_what_assistance_leaves(county: County) -> None:
    _, text = asked(county, A, "P-24")
    for words in (
        "再减去医疗救助，剩 4,000.00 元",
        "起付线是 4,000.00 元",
        "救助比例是 60%",
        "应付 2,400.00 元",
    ):
        assert words in text, words


def test_why_a_visit_is_held_and_who_can_help(county: County) -> None:
    told, text = asked(county, B, "P-17")
    [line] = told["benefits"]
    assert line["amount_yuan"] is None and line["visit"]["referral"] == "unknown"
    for words in ("应付金额现在还算不出", "暂时算不出的原因：转诊情况不明", "请家里提供转诊单或备案凭证"):
        assert words in text, words


def test_the_decision_with_what_the_officer_wrote(county: County) -> None:
    """It is read from the vault: neither the lake nor the warehouse has it."""
    told, text = asked(county, county.benefit("P-17", "S1"))
    assert "理由：李某之妻王秀英来访" in text and "李科长决定" in text
    assert told["adjustments"][0]["amount_yuan"] == "-1000.00"
    for zone in ("lake", "warehouse", "rejects"):
        for path in (county.home.root / zone).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert "王秀英".encode() not in content and "李科长".encode() not in content, path
    assert county.sql("select count(*) from mart.decision where decision = '确认'").item() == 2


def test_no_number_is_made_here(county: County) -> None:
    """Every amount of the text stands in the object that was read."""
    told, text = asked(county, A)
    stored = json.dumps(told)
    for amount in re.findall(r"\d[\d,]*\.\d\d(?!\d)", text):
        assert amount.replace(",", "") in stored, amount


def test_relief_of_a_household_above_its_limit(tmp_path: Path) -> None:
    """W-06: 250,000 borne, 130,000 above the threshold, held to 100,000."""
    rows = [
        settlement("W1", A, "2024-03-01", "200000.00").replace("330112", "330326"),
        settlement("W2", B, "2024-02-01", "50000.00").replace("330112", "330326"),
    ]
    label = "相对低收入家庭第二类对象"
    roster = [f"330326,G1,{A},王某,{who},{label},2024-01-01,,民政,,,330326101" for who in (A, B)]
    files = [
        written(tmp_path, "setl.csv", SETTLEMENT, rows),
        written(tmp_path, "roster.csv", ROSTER, roster),
    ]
    home = Home(tmp_path / "home")
    deliver(home, [(path, date(2024, 4, 1)) for path in files])
    run(home, 2024, on=date(2025, 3, 31))
    told = explanation(home, "G1", 2024, "W-06")
    text = "\n".join(explain_lines(told))
    for words in (
        "标准是 120,000.00 元",
        "超过 130,000.00 元",
        "年度限额还有 100,000.00 元",
        "应付 100,000.00 元",
    ):
        assert words in text, words
