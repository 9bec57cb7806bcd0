"""What must always hold where decisions and payments meet assistance and tilt lines, whatever they say."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

import tests.assess_frames as af
from tests.assistance_run import made, pengshui
from tests.test_assistance_properties import CERTIFICATES, CHECK, rows
from transforms import ledger
from transforms.decided_lines import DECIDED
from transforms.rules import assistance_decided, assistance_lines
from transforms.rules.assistance import due
from transforms.rules.assistance_facts import Facts, facts
from transforms.rules.assistance_review import other_readings


class Case:
    """The lines of some costs, and the same after decisions."""

    def __init__(self, costs: list[dict[str, Any]]) -> None:
        self.rules = pengshui()
        self.given = made({"settlements": costs, "certificates": CERTIFICATES}, self.rules, "delivered")
        self.found = facts(self.given, self.rules)
        visits = due(self.found, self.given, self.rules, self.rules.readings)
        self.drafts = assistance_lines.drafts(visits, self.rules, 2023, af.ids)
        self.cases = other_readings(self.found, self.given, self.rules, visits, self.drafts)

    def ruled(self, fixed: dict[str, int]) -> pl.DataFrame:
        rulings = pl.DataFrame(
            [{"benefit_id": name, "decided": True, "confirmed": True, "fixed_fen": fen, "stale": False} for name, fen in fixed.items()],
            schema={k: v for k, v in DECIDED.items() if k in ("benefit_id", "decided", "confirmed", "fixed_fen", "stale")},
        )  # fmt: skip
        own = assistance_decided.own_amounts(self.drafts, self.cases, rulings)
        marked = assistance_decided.on_visits(self.found.visits, self.drafts, own)
        visits = due(Facts(self.found.settlements, marked), self.given, self.rules, self.rules.readings)
        fresh = assistance_lines.drafts(visits, self.rules, 2023, af.ids)
        return assistance_decided.with_own(fresh, own, visits)


@CHECK
@given(rows(), st.data())
def test_decided_lines_have_what_was_decided_and_the_rest_keeps_to_the_account(
    costs: list[dict[str, Any]], data: st.DataObject
) -> None:
    case = Case(costs)
    if case.drafts.is_empty():
        return
    names = case.drafts["benefit_id"].to_list()
    chosen = data.draw(st.dictionaries(st.sampled_from(names), st.integers(0, 9_000_000), max_size=3))
    after = case.ruled(chosen)
    amounts = dict(after.select("benefit_id", "amount_fen").iter_rows())
    assert all(amounts[name] == fen for name, fen in chosen.items())
    free = after.filter(~pl.col("benefit_id").is_in(list(chosen)) & pl.col("amount_fen").is_not_null())
    assert free.filter(pl.col("amount_fen") > pl.col("limit_before_fen")).is_empty()
    assert after.filter(pl.col("limit_after_fen") < 0).is_empty()


@CHECK
@given(rows())
def test_a_decision_that_says_what_is_due_changes_nothing(costs: list[dict[str, Any]]) -> None:
    case = Case(costs)
    known = case.drafts.drop_nulls("amount_fen")
    said = dict(known.select("benefit_id", "amount_fen").head(3).iter_rows())
    after = case.ruled(said).sort("benefit_id")
    before = case.drafts.sort("benefit_id")
    assert after.select("benefit_id", "amount_fen").equals(before.select("benefit_id", "amount_fen"))


@CHECK
@given(rows(), st.lists(st.integers(-500_000, 3_000_000), max_size=5))
def test_no_fen_of_the_ledger_is_lost(costs: list[dict[str, Any]], amounts: list[int]) -> None:
    case = Case(costs)
    columns = {
        "serial": pl.String, "benefit_id": pl.String, "rule_id": pl.String, "object_id": pl.String,
        "object_key": pl.Int64, "cost_year": pl.Int32, "amount_fen": pl.Int64, "paid_on": pl.Date,
        "file_id": pl.String, "sheet": pl.String, "source_row": pl.Int64,
    }  # fmt: skip
    paid = pl.DataFrame(
        [(str(n), None, "P-17", "x", af.key(CERTIFICATES[0]["person"]), 2023, fen, None, "F9", None, n) for n, fen in enumerate(amounts)],
        schema=columns, orient="row",
    )  # fmt: skip
    earlier = ledger.earlier_numbers(paid, case.drafts, pl.DataFrame(), ["P-17"], 2023, af.ids)
    claimed = ledger.of_visits(paid, case.drafts, earlier, 2023, af.ids)
    rest = ledger.unclaimed(paid, [claimed], 2023)
    assert claimed["amount_fen"].sum() + rest["amount_fen"].sum() == sum(amounts)
