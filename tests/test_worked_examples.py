"""Every meaning that decides an amount has its worked case: the statement, and where it is worked out.

A statement is one sentence with the figures of the example where it has any; the case carries the arithmetic.
"""

from __future__ import annotations

import pytest

from schemas.catalogue import ROOT, proof_exists

CAP, BURDEN, RELIEF = (
    "tests/cases/L-04/2023-01-01",
    "tests/cases/L-02/2023-01-01",
    "tests/cases/W-06/2024-02-01",
)
SPECIAL, STAY, TILT = (f"tests/cases/P-{number}/2023-05-30" for number in (16, 17, 24))
AUDIT, TIER1, TIER2 = (f"tests/cases/P-{number}/2023-05-30" for number in ("40", "05", "08"))
DECISIONS, LATER, VISITS, WARNINGS = (
    "tests/test_decisions.py",
    "tests/test_decisions_later.py",
    "tests/test_decisions_visits.py",
    "tests/test_warnings_run.py",
)

EXAMPLES = {
    "burden": {
        "惠民保 3,000 names a settlement of 1,000, another of 5,000: 3,000": f"{BURDEN}/excess_of_named_payment_is_a_lump.toml",
        "a lump of 10,000, 20,000 in one household, then 25,000 in another: 10,000 and 25,000": f"{BURDEN}/lump_over_two_households.toml",
    },
    "cap": {
        "father alone 28,000, wife and son 49,000: 0 and 0, together 47,000": f"{CAP}/split_household.toml",
        "20,000 under one certificate, 29,000 under a poorer one: 19,000": f"{CAP}/category_change.toml",
        "the same under a new number with the same head": "data/scenarios/cap-poorer-under-new-number.toml",
        "alone, 30,000, then 8,000 as 特困: 33,000, by period 3,000": f"{CAP}/cap_for_each_period.toml",
        "two 特困 of one household, 7,000 and 5,000: 7,000, by person 2,000": f"{CAP}/two_tekun_of_one_household.toml",
        "a person without a household number is a household": f"{CAP}/person_without_household.toml",
        "a category without cost lends no cap": f"{CAP}/category_without_cost_lends_no_cap.toml",
        "split only where two members differ on one day": f"{CAP}/no_split_without_a_common_day.toml",
        "a unit without cost has its row": "data/scenarios/cap-no-cost.toml",
        "running year": "tests/cases/L-04/2024-01-01/forecast.toml",
        "a cost year before the first": "tests/cases/L-04/2022-01-01/before_the_first_year.toml",
        "the day before the scheme": f"{CAP}/day_before_in_force.toml",
        "incomplete": f"{CAP}/incomplete_unit.toml",
        "which status goes first": f"{CAP}/status_order.toml",
        "adjustment = amount - paid": f"{CAP}/adjustment_against_the_ledger.toml",
        "the cap on a person instead": "tests/test_sibling_county.py::test_cap_on_the_person",
    },
    "relief": {
        "min(100,000, max(0, S - 120,000))": f"{RELIEF}/one_fen_around_both_boundaries.toml",
        "pooled by household, all personal burden": f"{RELIEF}/members_pooled_after_all_layers.toml",
        "no condition on where they are insured": f"{RELIEF}/relief_at_the_limit.toml",
        "not_pilot, amount 0": "tests/cases/W-01/2024-01-01/six_pilot_counties.toml",
        "on the roster on the settlement date": "tests/cases/W-05/2024-01-01/on_the_list_that_day.toml",
        "from 2024-02-01": f"{RELIEF}/day_of_force.toml",
    },
    "assistance": {
        "settlement dates from 2023-05-30": f"{SPECIAL}/day_of_effect.toml",
        "category by the identities of the date": f"{SPECIAL}/identity_of_the_day.toml",
        "which codes are inpatient, by province; one in no list is held": f"{STAY}/inpatient_only.toml",
        "what a stay is": f"{STAY}/stay_of_several_settlements.toml",
        "date, category, level and referral of its last settlement": f"{STAY}/last_settlement_decides.toml",
        "special if any of its settlements is": f"{SPECIAL}/special_in_one_settlement_of_the_stay.toml",
        "disease code first, then a discharge diagnosis": f"{SPECIAL}/by_diagnosis.toml",
        "no list: both rules are held": f"{SPECIAL}/no_list.toml",
        "an empty list means none": f"{SPECIAL}/empty_list_and_list_of_another_day.toml",
        "level 01 to 07": f"{STAY}/level_of_the_institution.toml",
        "referral, the first fact that applies": f"{SPECIAL}/referral_chain.toml",
        "市内 by the first two digits": f"{TILT}/inside_the_municipality.toml",
        "R0 floored at 0, a line with 0": f"{SPECIAL}/r0_floored_at_zero.toml",
        "accounts 100,000 and 60,000 apart": f"{STAY}/limit_apart_from_special.toml",
        "100,000, then what is left, then 0": f"{SPECIAL}/limit_of_the_year.toml",
        "60,000, then what is left, then 0": f"{STAY}/limit_of_the_year.toml",
        "20,000 of its own": f"{TILT}/limit_of_the_year.toml",
        "opening balances first": f"{SPECIAL}/opening_balance.toml",
        "the tilt of a held line is empty too": f"{STAY}/held_uses_nothing_but_is_remembered.toml",
        "R1 after the limit": f"{TILT}/after_the_limit.toml",
        "half-up to the fen": f"{SPECIAL}/each_category.toml",
        "never more than is borne": f"{SPECIAL}/never_more_than_borne.toml",
        "the audit never says over where there is no rate": f"{AUDIT}/verdicts.toml",
        "recorded tilt, or unknown": f"{AUDIT}/tilt_recorded_or_not.toml",
        "more cost leaves less at 30,000": f"{STAY}/burden_falls_at_the_gate.toml",
        "more cost leaves less at the threshold": f"{TILT}/burden_falls_at_the_gate.toml",
        "more cost leaves less under a lower cap": f"{CAP}/first_cost_under_a_lower_cap.toml",
    },
    "premium": {
        "category on the payment date, else 1 January; no top-up; a better one later is a review case": f"{TIER1}/category_on_payment_date.toml",
        "a written-off premium never counts": f"{TIER1}/written_off.toml",
        "before the document: computed and marked": f"{TIER1}/day_before_the_document.toml",
        "groups without a subsidy": f"{TIER1}/each_category_tier1.toml",
        "tier 2 for every object, on the tier-1 standard": f"{TIER2}/tier2_every_object.toml",
        "what was subsidised comes from the ledger": f"{TIER1}/against_the_ledger.toml",
    },
    "warnings": {
        "identities of the yardstick date itself": f"{WARNINGS}::test_the_identity_of_the_yardstick_date_itself",
        "2万元 and above, in cash; watch, over, severe": f"{WARNINGS}::test_cash_of_a_poor_person_below_at_and_above_each_line",
        "above the income of the scheme": f"{WARNINGS}::test_burden_above_the_income_of_ones_own_scheme",
        "scheme of the latest settlement, insured in the district on it": f"{WARNINGS}::test_another_district_and_the_scheme_of_the_latest_settlement",
        "income of the year before, provisional": f"{WARNINGS}::test_income_missing_provisional_and_revised",
    },
    "indicators": {
        "category on the settlement date": "tests/test_indicators_costs.py::test_category_on_the_settlement_date_decides",
        "what the caps take off": "tests/test_indicators_costs.py::test_what_a_cap_takes_off",
        "one row a policy that sets a target": "tests/test_indicators.py::test_one_target_a_policy",
        "met on whole numbers": "tests/test_indicators.py::test_met_on_whole_numbers",
    },
    "decisions": {
        "the latest valid decision wins": f"{DECISIONS}::test_the_latest_valid_decision_wins",
        "input to --as-of": f"{LATER}::test_as_of_before_the_decision",
        "stale when the facts have changed": f"{LATER}::test_stale_when_the_facts_have_changed",
        "needs_review becomes false": f"{DECISIONS}::test_each_decision_on_an_amount",
        "a list for payment holds confirmed lines only": f"{LATER}::test_closed_list",
        "the same for visits": f"{VISITS}::test_closed_list_of_assistance",
        "case by case": f"{LATER}::test_case_by_case_on_its_own_list",
    },
}


@pytest.mark.parametrize(
    ("said", "proof"),
    [(f"{part}: {said}", proof) for part, each in EXAMPLES.items() for said, proof in each.items()],
)
def test_it_is_worked_out(said: str, proof: str) -> None:
    place = ROOT / proof.split("::")[0]
    assert place.is_file() and (place.suffix == ".toml" or proof_exists(proof)), said
