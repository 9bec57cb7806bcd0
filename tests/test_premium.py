"""Premium subsidy: the figures of a policy file, readings, and what must hold for all people."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.assess_frames as af
from schemas.policy import PolicyError, load_policies
from schemas.premium import premium_subsidies
from tests.premium_run import PENGSHUI, pengshui, policies, run, standards
from transforms.decided_lines import DECIDED as DECIDED_COLUMNS
from transforms.normalise import cleaned_signs
from transforms.rules.premium import standard_of

CODES = ["TEKUN", "DIBAO", "FANPIN", "JIANCE", "DIBIAN", "YINBING", "YOUFU", "ZHONGCAN"]
RATE = {"TEKUN": 100, "DIBAO": 90, "FANPIN": 70, "JIANCE": 70, "DIBIAN": 70}

SIBLING = """
[policy]
id = "Q"
document = "某府办发〔2024〕1号"
title = "另一个县"
territory = "500999"
territory_name = "另一个县"
issued = 2024-01-01
in_force = 2024-01-01
in_force_basis = "印发日期"

[[rule]]
id = "Q-01"
kind = "premium_subsidy"
title = "一档资助"
article = "一"
quote = "低保对象资助80%"
unit_type = "person"
categories = ["DIBAO"]

[[rule.parameter]]
name = "tier1_rate"
title = "一档资助比例"
unit = "ratio"
basis = "date"
[[rule.parameter.version]]
effective_from = 2024-01-01
article = "一"
citation = "低保对象资助80%"
values = { DIBAO = "0.80" }
[[rule.parameter.version]]
effective_from = 2024-07-01
article = "一"
citation = "低保对象资助85%"
values = { DIBAO = "0.85" }
"""


def test_the_documents_figures() -> None:
    rules = pengshui()
    [rates] = rules.rates
    assert rates.tier1 == {code: Fraction(share, 100) for code, share in RATE.items()}
    assert rates.tier2 == dict.fromkeys(CODES, Fraction(1))
    assert {code: rule.rule_id for code, rule in rules.tier1.items()} == {
        "TEKUN": "P-05", "DIBAO": "P-06", "FANPIN": "P-07", "JIANCE": "P-07", "DIBIAN": "P-07",
    }  # fmt: skip
    assert rules.tier2 is not None and rules.tier2.rule_id == "P-08"
    assert (rules.in_force, rules.readings) == (date(2023, 5, 30), {"A-P19": "a", "A-P20": "b", "A-P32": "a"})


def test_only_where_a_document_gives_a_rate() -> None:
    assert premium_subsidies(policies(), ["330112", "330326"]) == []
    [found] = premium_subsidies(policies(), ["330112", PENGSHUI])
    assert found.counties == (PENGSHUI,)


@pytest.mark.parametrize(
    ("paid", "amount"), [("2024-06-30", 80), ("2024-07-01", 85), ("none", 80), ("2023-12-31", 80)]
)
def test_another_county_is_another_file(tmp_path: Path, paid: str, amount: int) -> None:
    """80 % to 30 June, 85 % from 1 July, of 100 yuan; no rule for tier 2: no subsidy there."""
    (tmp_path / "q.toml").write_text(SIBLING, encoding="utf-8")
    [rules] = premium_subsidies(load_policies(tmp_path), ["500999"])
    found = run(
        {
            "certificates": af.table("person | code | from | county\nA | DIBAO | 2020-01-01 | 500999\nB | DIBAO | 2020-01-01 | 500999"),
            "premiums": af.table(f"person | paid | own | tier\nA | {paid} | 0 | 1\nB | {paid} | 0 | 2"),
            "standards": af.table("region | year | tier | amount\n500000 | 2024 | 1 | 100"),
        },
        rules=rules,
    ).subsidies  # fmt: skip
    assert found.select("person_key", "subsidy_fen").rows() == [(af.key("A"), amount * 100)]


def test_a_reading_that_cannot_be_computed_is_refused() -> None:
    read = policies()
    other = read.readings["A-P19"].model_copy(update={"default": "b"})
    with pytest.raises(PolicyError, match="A-P19"):
        premium_subsidies(replace(read, readings=read.readings | {"A-P19": other}), [PENGSHUI])


def test_under_the_other_readings() -> None:
    """A-P32 b pays the best category of the year, A-P20 a nothing in tier 2 to groups without a tier-1 subsidy."""
    tables = {
        "certificates": af.table(
            "person | code | from\nA | DIBIAN | 2020-01-01\nA | TEKUN | 2024-05-01\nB | YOUFU | 2020-01-01"
        ),
        "premiums": af.table("person | paid | own | tier\nA | 2023-11-01 | 0 | 1\nB | 2023-11-01 | 0 | 2"),
    }
    best = replace(pengshui(), readings=pengshui().readings | {"A-P32": "b"})
    found = run(tables, rules=best)
    assert dict(found.subsidies.select("person_key", "subsidy_fen").iter_rows()) == {
        af.key("A"): 38_000,
        af.key("B"): 38_000,
    }
    assert found.cases.filter(pl.col("reading_key") == "A-P32").select("reading", "amount_fen").rows() == [
        ("a", 26_600)
    ]
    narrow = replace(pengshui(), readings=pengshui().readings | {"A-P20": "a"})
    rows = run(tables, rules=narrow)
    assert rows.subsidies["person_key"].to_list() == [af.key("A")]
    cases = rows.cases.filter(pl.col("reading_key") == "A-P20")
    assert cases.select("reading", "amount_fen").rows() == [("b", 38_000)]


def test_the_nearest_standard_counts() -> None:
    table = standards(
        af.table(
            "region | year | tier | amount\n500000 | 2024 | 1 | 380\n500243 | 2024 | 1 | 390\n500242 | 2024 | 1 | 1"
        )
    )
    assert standard_of(table, "500243", 2024) == 39_000
    assert standard_of(table, "500101", 2024) == 38_000
    assert standard_of(table, "500243", 2025) is None
    assert standard_of(table, "330112", 2024) is None


def test_signs_of_written_off_lines_survive_reading() -> None:
    """- alone is a sign here, elsewhere the word for nothing."""
    texts = pl.Series(["Z", "+", "-", "＋", "－", " − ", "", None])
    assert cleaned_signs(texts).to_list() == ["Z", "+", "-", "+", "-", "-", None, None]


person = st.tuples(
    st.sampled_from([None, *CODES]),
    st.sampled_from([None, *CODES]),
    st.sampled_from(["1", "2", "none"]),
    st.sampled_from([None, 0, 10_000, 38_000]),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(person, min_size=1, max_size=6), st.sampled_from(["380", "0.01", "333.33", "?"]))
def test_what_always_holds(
    people: list[tuple[str | None, str | None, str, int | None]], standard: str
) -> None:
    """Never above the standard, never a guess: amount = rate × standard half-up, or empty; lines and rows agree."""
    certificates, premiums, ledger = [], [], []
    for n, (before, later, tier, given_fen) in enumerate(people):
        name = "ABCDEF"[n]
        certificates += [{"person": name, "code": code, "from": since} for code, since in
                         ((before, "2020-01-01"), (later, "2024-06-01")) if code]  # fmt: skip
        premiums.append({"person": name, "paid": "2023-11-01", "own": "0", "tier": tier})
        if given_fen is not None:
            ledger.append({"person": name, "amount": str(given_fen // 100)})
    table = [{"region": "500000", "year": "2024", "tier": "1", "amount": standard}]
    found = run({"certificates": certificates, "premiums": premiums, "ledger": ledger, "standards": table})
    rows = {row["person_key"]: row for row in found.subsidies.to_dicts()}
    fen = None if standard == "?" else af.fen(standard)
    for n, (before, _, tier, given_fen) in enumerate(people):
        row = rows.get(af.key("ABCDEF"[n]))
        share = {"1": RATE.get(before or ""), "2": 100 if before else None, "none": None}[tier]
        if tier == "none" and before == "TEKUN":
            share = 100
        if before is None or (tier == "1" and share is None):
            assert row is None
            continue
        assert row is not None
        due = None if fen is None or share is None else (fen * share * 2 + 100) // 200
        assert row["subsidy_fen"] == due and (due is None or 0 <= due <= fen)
        if due is None:
            assert row["verdict"] == "held"
        elif not ledger:
            assert row["verdict"] == "no_ledger" and row["actual_fen"] is None
        else:
            given_now = given_fen or 0
            assert row["difference_fen"] == due - given_now
            assert row["verdict"] == ("match" if due == given_now else "under" if due > given_now else "over")
    assert set(found.subsidies["benefit_id"].drop_nulls()) <= set(found.lines["benefit_id"])
    assert set(found.cases["benefit_id"]) <= set(found.lines["benefit_id"])
    assert found.lines["benefit_id"].is_unique().all()


DECIDED = """person | code | from
A | DIBIAN | 2020-01-01
A | TEKUN | 2024-05-01
B | DIBAO | 2020-01-01
C | DIBAO | 2024-05-01"""
PAID = """person | paid | own
A | 2023-11-01 | 0
B | 2023-11-01 | 0
C | 2023-11-01 | 0"""


@pytest.mark.parametrize(
    ("person", "word", "amount", "status"),
    [
        ("A", {"confirmed": True}, 26_600, "confirmed"),
        ("A", {"confirmed": True, "reading_key": "A-P32", "reading": "b"}, 38_000, "confirmed"),
        ("C", {"confirmed": True, "reading_key": "A-P32", "reading": "b"}, 34_200, "confirmed"),
        ("B", {"confirmed": True, "fixed_fen": 10_000}, 10_000, "confirmed"),
        ("B", {"fixed_fen": 0}, 0, "within"),
        ("A", {"confirmed": False, "stale": True}, 26_600, "review"),
    ],
)
def test_decisions_set_and_confirm(person: str, word: dict[str, object], amount: int, status: str) -> None:
    """A: 70 % on the day, TEKUN from May; B: 90 %; C: nothing on the day, 低保 from May."""
    tables = {"certificates": af.table(DECIDED), "premiums": af.table(PAID)}
    before = run(tables)
    line = before.lines.filter(pl.col("person_key") == af.key(person)).row(0, named=True)
    row = {"decided": True, "confirmed": False, "stale": False, "decision": "确认"} | word
    decided = pl.DataFrame([{name: (row | {"benefit_id": line["benefit_id"]}).get(name) for name in DECIDED_COLUMNS}],
                           schema=DECIDED_COLUMNS)  # fmt: skip
    found = run(tables, decided=decided)
    [after] = found.lines.filter(pl.col("person_key") == af.key(person)).to_dicts()
    assert (after["benefit_id"], after["amount_fen"], after["status"]) == (line["benefit_id"], amount, status)
    assert after["needs_review"] is (status == "review")
    shown = found.subsidies.filter(pl.col("person_key") == af.key(person))["subsidy_fen"].to_list()
    assert shown == [amount]
    assert found.cases.equals(before.cases)
