"""The dictionary of the marts: what is promised, and that the printed dictionary is the code's."""

from __future__ import annotations

import pytest

from schemas.mart import DICTIONARY, KEY_PREFIX, MONEY, PUBLISHED, TABLES, dictionary_text

PROMISED = {
    "person_year": "person_key, name_masked, certno_masked, birth_year, sex, deceased_on, region_code, township_code, "
    "township_source, village, household_id, cost_year, category, identities, insutype, n_settlements, n_inpatient, "
    "tot_yuan, pol_yuan, fund_yuan, psn_yuan, acct_yuan, cash_yuan, com_yuan, sub_yuan, neg_yuan, unused_yuan, "
    "private_yuan, burden_yuan, incomplete",
    "household_year": "household_id, region_code, township_code, village, head_name_masked, cost_year, category, "
    "n_members, n_members_ever, n_settlements, tot_yuan, psn_yuan, com_yuan, sub_yuan, neg_yuan, burden_yuan, "
    "incomplete",
    "benefit_line": "benefit_id, rule_id, region_code, unit_type, unit_id, person_key, cost_year, settlement_id, "
    "category, base_yuan, threshold_yuan, rate, limit_before_yuan, limit_after_yuan, amount_yuan, policy_version, "
    "article, readings, status, needs_review, adjustment_of, run_id",
    "benefit_item": "benefit_id, settlement_id, base_yuan, person_key, setl_date, institution_name, psn_yuan, "
    "com_yuan, sub_yuan, neg_yuan, burden_yuan, counted, reason, category_on_day, household_id_on_day, file_id, "
    "source_row",
    "cap_gap": "rule_id, region_code, township_code, village, unit_type, unit_id, household_id, head_name_masked, "
    "n_members, cost_year, category, burden_yuan, cap_yuan, gap_yuan, distance_yuan, limit_yuan, amount_yuan, "
    "paid_yuan, adjustment_yuan, status, needs_review, incomplete_reason",
    "review_case": "benefit_id, reading_key, reading, amount_yuan",
    "source_file": "file_id, name, table_name, layout, encoding, n_rows, n_accepted, n_rejected, n_duplicate, "
    "received_on, status",
    "rejected_row": "file_id, sheet, source_row, settlement_id, column_name, rule, message_zh",
    "reconciliation": "stage, measure, amount_in, amount_out, explained, difference",
    "run": "run_id, kind, year, as_of, on_date, started_at, finished_at, status, code_version, policy_hash, input_hash",
    "change": "what, before_yuan, after_yuan, why",
    "layer_waterfall": "unit_type, unit_id, region_code, cost_year, layer_no, layer_code, paid_yuan, remaining_yuan",
    "warning": "warning_id, rule_id, kind, level, level_first_seen, person_key, household_id, region_code, "
    "township_code, village, year, measure_yuan, threshold_yuan, provisional, first_seen, last_seen, status, outcome, "
    "reason, due_date, visited_on, aid_yuan, closed_on, overdue",
}


@pytest.mark.parametrize("name", PROMISED)
def test_promised_columns_come_first_and_in_order(name: str) -> None:
    promised = PROMISED[name].split(", ")
    columns = TABLES[name].columns
    assert [c.name for c in columns][: len(promised)] == promised
    assert [c.name for c in columns if c.pinned] == promised


def test_every_table_and_column_is_explained_in_both_languages() -> None:
    for table in TABLES.values():
        assert table.zh and table.en
        for column in table.columns:
            zh, _, rest = column.comment.partition(" / ")
            assert any("一" <= letter <= "龥" for letter in zh), f"{table.name}.{column.name}"
            assert rest.rpartition(", ")[2], f"{table.name}.{column.name}"


def test_money_is_decimal_and_keys_are_text() -> None:
    columns = [c for table in TABLES.values() for c in table.columns]
    assert {c.type for c in columns if c.name.endswith("_yuan")} == {MONEY}
    assert {c.unit for c in columns if c.name.endswith("_yuan")} == {"yuan"}
    assert {c.type for c in columns if c.name in KEY_PREFIX} == {"TEXT"}


def test_keys_are_columns_of_their_table_and_no_column_stands_twice() -> None:
    for table in TABLES.values():
        names = [c.name for c in table.columns]
        assert set(table.key) <= set(names), table.name
        assert len(names) == len(set(names)), table.name


def test_published_tables_are_known() -> None:
    assert set(PUBLISHED) <= set(TABLES)


def test_the_printed_dictionary_is_in_step() -> None:
    assert DICTIONARY.read_text(encoding="utf-8") == dictionary_text(), "run: python -m schemas.mart"
