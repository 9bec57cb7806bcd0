"""`fengding explain`: each step of planted situations, with the amounts that the mart has; nothing else is touched."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.explain import certificate_keys, explanation
from flows.explain_text import explain_lines
from stores.errors import OperatorError
from stores.home import Home
from tests.support import county_home, table

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample"
CERTNO = "330198197201095114"
"""The invented person of the situation refund-partial (no such area code exists)."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The sample county, ingested and run for 2023; explaining leaves every byte of it as it was."""
    root = tmp_path_factory.mktemp("explained") / "home"
    county_home(SAMPLE, root, 2023)
    before = bytes_of(root)
    yield Home(root)
    assert bytes_of(root) == before


def bytes_of(root: Path) -> dict[str, str]:
    """Every file below a folder with the hash of its content."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def mart(home: Home, sql: str) -> list[dict[str, Any]]:
    return table(home.warehouse / "fengding.duckdb", sql).to_dicts()


def asked(home: Home, text: str, rule: str | None = None) -> tuple[dict[str, Any], str]:
    """The object and the text; the object is JSON as it stands."""
    told = explanation(home, text, 2023, rule)
    assert json.loads(json.dumps(told)) == told
    return told, "\n".join(explain_lines(told))


def shown(amount: Decimal) -> str:
    return f"{amount:,.2f} 元"


def test_father_alone_on_dibao(home: Home) -> None:
    """28,000 under 30,000 and 49,000 under 50,000; as one household 47,000 (review)."""
    told, text = asked(home, "330112X0010A")
    assert [line["unit_id"] for line in told["benefits"]] == ["330112X0010A/DIBAO", "330112X0010A/DIBIAN"]
    father, others = told["benefits"]
    assert (father["base_yuan"], father["threshold_yuan"], father["amount_yuan"]) == (
        "28000.00",
        "30000.00",
        "0.00",
    )
    assert (others["base_yuan"], others["threshold_yuan"], others["amount_yuan"]) == (
        "49000.00",
        "50000.00",
        "0.00",
    )
    assert [(r["reading_key"], r["reading"], r["amount_yuan"]) for r in father["other_readings"]] == [
        ("A-L03", "b", "47000.00"),
        ("A-L03", "c", "47000.00"),
    ]
    for words in ("分成 2 个单元", "28,000.00 元", "30,000.00 元", "49,000.00 元", "A-L03=b", "47,000.00 元"):
        assert words in text
    assert len(told["persons"]) == 3
    assert {paper["category"] for person in told["persons"] for paper in person["certificates"]} == {
        "DIBAO",
        "DIBIAN",
    }


def test_of_one_unit_only_its_line(home: Home) -> None:
    told, _ = asked(home, "330112X0010A/DIBAO")
    assert [line["unit_id"] for line in told["benefits"]] == ["330112X0010A/DIBAO"]


@pytest.mark.parametrize("number", ["330112X0009N", "330112X0009A"])
def test_poorer_under_a_new_number(home: Home, number: str) -> None:
    """49,000 − 30,000 = 19,000, under the later number, also when the earlier one is asked for."""
    told, text = asked(home, number)
    [line] = told["benefits"]
    assert (line["unit_id"], line["amount_yuan"], line["gap"]["gap_yuan"]) == (
        "330112X0009N",
        "19000.00",
        "19000.00",
    )
    assert told["households"][0]["earlier_numbers"] == ["330112X0009A"]
    assert [item["category_on_day"] for item in line["items"]] == ["DIBIAN", "DIBAO"]
    for words in (
        "以前的编号：330112X0009A",
        "20,000.00 元",
        "29,000.00 元",
        "合计 49,000.00 元",
        "应付 19,000.00 元",
    ):
        assert words in text
    assert line["readings_applied"][0]["meaning"]


def test_a_partial_refund_stands_with_what_does_not_count(home: Home) -> None:
    """1,000 − 300 = 700 counts; the refund row stands aside and says why."""
    told, text = asked(home, "330112X0062A")
    [counted] = [item for item in told["benefits"][0]["items"] if item["counted"]]
    [refund] = [item for item in told["benefits"][0]["items"] if not item["counted"]]
    assert (counted["psn_yuan"], counted["base_yuan"], refund["psn_yuan"]) == ("700.00", "700.00", "-300.00")
    assert "部分退费" in text and "离标准还差 29,300.00 元" in text


def test_a_lump_over_two_households(home: Home) -> None:
    """Of 20,000 the lump takes 10,000 in the first household; the 25,000 of the second belong to the other."""
    told, text = asked(home, "330112X0046A")
    first, second = told["benefits"][0]["items"]
    assert (first["sub_yuan"], first["burden_yuan"], first["counted"]) == ("10000.00", "10000.00", True)
    assert (second["psn_yuan"], second["base_yuan"], second["counted"]) == ("25000.00", "0.00", False)
    [payment] = told["payments"]
    assert (payment["amount_yuan"], payment["used_yuan"], payment["unused_yuan"]) == (
        "10000.00",
        "10000.00",
        "0.00",
    )
    for words in (
        "减去补助 10,000.00 元",
        "结算日属于其他家庭",
        "没有指明结算",
        "2023-06-01 到 2023-12-31 在家庭 330112X0046B",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("unit", "words"),
    [("B", ("已付 1,500.00 元", "应补 500.00 元")), ("C", ("已付 2,500.00 元", "应退 500.00 元"))],
)
def test_what_was_paid_and_what_is_left(home: Home, unit: str, words: tuple[str, ...]) -> None:
    told, text = asked(home, f"330112X0040{unit}")
    assert all(word in text for word in words)
    assert told["payments"][0]["source"]["file"] == "已付台账_2023.csv"


def test_every_line_is_told_with_the_amounts_of_the_mart(home: Home) -> None:
    """All units: sum, cap, gap, amount, paid and each settlement, in the object and in the text."""
    items = {
        (row["benefit_id"], row["settlement_id"], row["file_id"], row["source_row"]): row
        for row in mart(home, "select * from mart.benefit_item")
    }
    for gap in mart(home, "select * from mart.cap_gap"):
        told, text = asked(home, gap["unit_id"])
        [line] = told["benefits"]
        pairs = {
            "burden_yuan": line["base_yuan"],
            "cap_yuan": line["threshold_yuan"],
            "gap_yuan": line["gap"]["gap_yuan"],
            "amount_yuan": line["amount_yuan"],
            "paid_yuan": line["gap"]["paid_yuan"],
            "adjustment_yuan": line["gap"]["adjustment_yuan"],
        }
        assert {name: None if v is None else Decimal(v) for name, v in pairs.items()} == {
            n: gap[n] for n in pairs
        }
        assert f"合计 {shown(gap['burden_yuan'])}" in text and f"标准是 {shown(gap['cap_yuan'])}" in text
        assert (f"应付 {shown(gap['amount_yuan'])}" if gap["amount_yuan"] is not None else "还算不出") in text
        for item in line["items"]:
            key = (
                line["benefit_id"],
                item["settlement_id"],
                item["source"]["file_id"],
                item["source"]["row"],
            )
            row = items.pop(key)
            assert all(
                Decimal(item[name]) == row[name] for name in ("psn_yuan", "com_yuan", "sub_yuan", "base_yuan")
            )
            assert f"结算 {item['settlement_id']}，{item['source']['file']}" in text
        assert "临政办〔2024〕1号 二(三)" in text and "临政办〔2024〕1号 二(二)" in text
    assert not items


def test_an_incomplete_unit_names_the_row(home: Home) -> None:
    [unit] = mart(
        home, "select unit_id, incomplete_reason from mart.cap_gap where status = 'incomplete' limit 1"
    )
    told, text = asked(home, unit["unit_id"])
    assert told["benefits"][0]["amount_yuan"] is None and "还算不出" in text
    assert unit["incomplete_reason"].split("；")[0] in text and told["missing"]


def test_a_certificate_number_is_found_and_never_shown(home: Home) -> None:
    [key] = certificate_keys(home, CERTNO)
    told, text = asked(home, f" {CERTNO[:6]} {CERTNO[6:]}")
    assert told["object"]["type"] == "person" and told["object"]["id"].startswith("P") and key
    assert CERTNO not in json.dumps(told) + text
    assert told["benefits"][0]["unit_id"] == "330112X0062A"
    again, _ = asked(home, told["object"]["id"])
    assert again == told
    by_benefit, _ = asked(home, told["benefits"][0]["benefit_id"])
    assert by_benefit["benefits"] == told["benefits"]


def test_a_person_without_a_household(home: Home) -> None:
    [person] = mart(
        home, "select * from mart.person_year where household_id is null and psn_yuan > 0 limit 1"
    )
    told, text = asked(home, person["person_key"])
    assert told["benefits"] == [] and told["households"] == []
    assert shown(person["burden_yuan"]) in text and "不在任何救助家庭" in text


def test_one_rule(home: Home) -> None:
    told, _ = asked(home, "330112X0010A", "L-04")
    assert len(told["benefits"]) == 2
    told, text = asked(home, "330112X0010A", "L-10")
    assert told["benefits"] == [] and "按 L-10 没有待遇" in text
    with pytest.raises(OperatorError, match="L-04"):
        explanation(home, "330112X0010A", 2023, "L-4")


def test_an_unknown_object_exits_2_and_names_near_households(home: Home) -> None:
    def call(text: str, *more: str) -> Any:
        return CliRunner().invoke(app, ["explain", text, "--year", "2023", "--home", str(home.root), *more])

    near = call("330112X0010Z")
    assert near.exit_code == 2 and "330112X0010A" in near.stderr
    number = call("330198197201095115", "--json")
    assert number.exit_code == 2 and "330198197201095115" not in number.output
    assert call("P0000000000000").exit_code == 2
    assert call("PZZZZZZZZZZZZZ").exit_code == 2
    other_year = CliRunner().invoke(
        app, ["explain", "330112X0010A", "--year", "2020", "--home", str(home.root)]
    )
    assert other_year.exit_code == 2 and "2023" in other_year.stderr
    found = call("330112X0010A", "--json")
    assert found.exit_code == 0 and json.loads(found.stdout)["object"]["id"] == "330112X0010A"


def test_it_starts_at_once() -> None:
    """Neither command imports Prefect, which takes many seconds."""
    modules = "flows.cli, flows.explain, flows.explain_text, flows.simulation, flows.simulation_text, reports.scenario_book"
    script = f"import sys, {modules}; assert 'prefect' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=60)


def test_no_secret_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FENGDING_SECRET", raising=False)
    monkeypatch.delenv("FENGDING_SECRET_FILE", raising=False)
    assert certificate_keys(Home(tmp_path / "none"), CERTNO) == []
    assert not (tmp_path / "none").exists()


def test_evidence_has_no_personal_data(home: Home) -> None:
    """The tables kept for explaining stand in an open zone."""
    for path in home.out.rglob("*.parquet"):
        if path.stem in {"settlement", "uncounted", "trouble", "certificate", "membership", "household"}:
            texts = pl.read_parquet(path).select(
                pl.col(pl.String).exclude("setl_id", "partner_id", "reason_zh")
            )
            for column in texts:
                assert not column.str.contains(r"\d{17}[\dX]").any(), (path.stem, column.name)
