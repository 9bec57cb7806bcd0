"""What a roster row says although it is rejected, children who get a number, papers that arrive late."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stores import lake
from stores.home import Home
from stores.ingest import ingest
from tests.core_frames import months, table
from tests.ingest_samples import CERT_X, ROSTER, SETTLEMENT, rows, write_csv
from tests.test_certificates import LABELS, START, Fact, listed
from tests.test_identity import BARE, GOOD, by_number, certified, links, people
from tests.test_identity import rules as identity_rules
from transforms import certificates, identity
from transforms.identity import LINKS
from transforms.normalise_settlement import form_counts

OTHER = 103


# --- a rejected row on a 在册 list -------------------------------------------------------------------------------


def refused(month: int, person: int | None, **more: Any) -> dict[str, Any]:
    return {
        "region_code": "330112", "id_key": person, "labels": ["低保"], "department": "民政", "list_kind": "在册",
        "list_month": 202300 + month, "township_code": "330112104", "wrong_sender": False, "file_id": f"F{month:02d}", **more,
    }  # fmt: skip


def facts(good: list[dict[str, Any]], bad: list[dict[str, Any]], **more: Any) -> list[Fact]:
    found = certificates.certificates(
        table("roster", good).lazy(), months(), LINKS.to_frame(), LABELS,
        refused=table("roster_refused", bad).lazy(), **more,
    )  # fmt: skip
    return found.facts.select("person_key", "code", "valid_from", "valid_to").rows()


def test_a_rejected_row_shows_that_its_person_is_still_on_the_list() -> None:
    """Person 1 stands on the list of February with an unreadable date, of March with a good one: never away."""
    good = [listed(1, 1), listed(1, 2), listed(2, 2), listed(3, 1), listed(3, 2)]
    assert facts(good, []) == [
        (1, "DIBAO", START, date(2023, 1, 31)),
        (1, "DIBAO", date(2023, 3, 1), None),
        (2, "DIBAO", START, None),
    ]
    assert facts(good, [refused(2, 1)]) == [(1, "DIBAO", START, None), (2, "DIBAO", START, None)]


@pytest.mark.parametrize(
    "change",
    [
        {"wrong_sender": True},
        {"id_key": None},
        {"list_month": None},
        {"list_kind": "减少"},
        {"labels": ["低边"]},
    ],
)
def test_a_rejected_row_shows_nothing_where_it_is_not_known_whom_it_lists_as_what(
    change: dict[str, Any],
) -> None:
    good = [listed(1, 1), listed(1, 2), listed(2, 2)]
    assert facts(good, [refused(2, 1) | change])[0] == (1, "DIBAO", START, date(2023, 1, 31))


def test_a_rejected_row_alone_proves_no_certificate_and_counts_for_the_size_of_the_list() -> None:
    """Of 20 people seven rows are rejected: 13 would be a list that shrank; it is whole, and person 20 has left."""
    good = [listed(1, n) for n in range(1, 21)] + [listed(2, n) for n in range(1, 13)]
    found = facts(good, [refused(2, n) for n in range(13, 20)] + [refused(2, 99)])
    assert [row for row in found if row[3]] == [(20, "DIBAO", START, date(2023, 1, 31))]
    assert 99 not in {row[0] for row in found}


def test_the_share_by_which_a_list_may_shrink_is_configured() -> None:
    good = [listed(1, n) for n in range(1, 21)] + [listed(2, n) for n in range(1, 17)]  # 20 → 16
    assert len([row for row in facts(good, []) if row[3]]) == 4  # not more than 5 rows fewer
    assert not [row for row in facts(good, [], shrink_rows=3) if row[3]]
    assert len([row for row in facts(good, [], shrink_rows=3, shrink_share=0.2) if row[3]]) == 4


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    return Home(tmp_path / "home").ensure()


def core(home: Home, name: str) -> pl.DataFrame:
    return lake.scan(home, name, lake.files_in_force(home)).collect()


def test_what_a_rejected_row_shows_is_kept_without_anything_personal(home: Home) -> None:
    bad = {"生效日期": "2023-13-01", "减少原因": "手机13800000000"}
    far = {"救助身份": "", "姓名": "李四"}  # nobody knows as what he is listed
    write_csv(home.inbox / "a.csv", rows(ROSTER, {"名单月份": "202302"}, bad, far))
    summary = ingest(home, received=date(2023, 3, 5))
    kept, good = core(home, "roster_refused"), core(home, "roster")
    assert kept.select("source_row", "labels", "list_kind", "list_month", "wrong_sender").rows() == [
        (3, ["低保对象"], "在册", 202301, False)
    ]
    assert kept["id_key"].to_list() == good["id_key"].to_list()
    assert ("", 2023) in summary.touched


def test_a_row_of_a_wrong_sender_is_marked_as_such_whatever_else_is_wrong_with_it(home: Home) -> None:
    write_csv(home.inbox / "a.csv", rows(ROSTER, {"生效日期": "?"}, {}))
    ingest(home, received=date(2023, 3, 5), senders=lambda region, wording: frozenset(["残联"]))
    assert core(home, "roster_refused")["wrong_sender"].to_list() == [True, True]


# --- children who get a number -----------------------------------------------------------------------------------

HEAD = CERT_X
CHILD = "330112202301150015"
BABY = {"姓名": "张小宝", "身份证号": "", "出生日期": "2023-01-15", "与户主关系": "子", "户主身份证号": HEAD}
WITH_NUMBER = BABY | {"身份证号": CHILD, "名单月份": "202306"}


def known(home: Home, *changes: dict[str, Any]) -> identity.People:
    """People from one roster file a change, received month after month."""
    for n, change in enumerate(changes):
        path = home.root / f"roster{n}.csv"
        write_csv(path, rows(ROSTER, change))
        ingest(home, [path], received=date(2023, 1 + n, 5))
    files = lake.files_in_force(home)
    return identity.people(lake.scan(home, "person", files), files, roster=lake.scan(home, "roster", files))


def found(people: identity.People) -> list[str]:
    return [rule for rule in people.findings["rule"] if rule != "check_digit"]


def test_a_newborn_with_the_same_name_birth_date_and_head_is_the_child_with_the_number(home: Home) -> None:
    got = known(home, BABY, WITH_NUMBER)
    assert got.people.height == 1 and got.links.height == 1 and found(got) == []
    # the oldest key stays: that of the newborn; the masked number is known by now
    born = core(home, "roster").filter(~pl.col("has_certificate"))["id_key"].item()
    assert got.people["person_key"].to_list() == [born]
    assert got.people["certno_masked"].item().startswith("330112********")


@pytest.mark.parametrize(
    "change",
    [{"姓名": "张大宝"}, {"户主身份证号": "330112197502030022"}, {"出生日期": "2023-01-16"}],
    ids=["another name", "another head", "another date"],
)
def test_where_one_of_the_three_differs_a_finding_asks(home: Home, change: dict[str, str]) -> None:
    got = known(home, BABY, WITH_NUMBER | change)
    assert got.people.height == 2 and got.links.is_empty() and found(got) == ["newborn_number"]


def test_an_elder_brother_or_a_child_of_another_family_is_no_question(home: Home) -> None:
    elder = WITH_NUMBER | {"姓名": "张大宝", "身份证号": "330112201901150013", "出生日期": "2019-01-15"}
    other = WITH_NUMBER | {"家庭编号": "H2", "户主身份证号": "330112197502030022", "姓名": "李小宝"}
    assert found(known(home, BABY, elder, other)) == []


def test_twins_each_get_their_own_number(home: Home) -> None:
    second = {"姓名": "张小贝"}
    got = known(
        home, BABY, BABY | second, WITH_NUMBER, WITH_NUMBER | second | {"身份证号": "330112202301150023"}
    )
    assert got.people.height == 2 and got.links.height == 2 and found(got) == []


def test_a_second_number_asks_and_does_not_undo_the_link_to_the_first(home: Home) -> None:
    got = known(
        home, BABY, WITH_NUMBER, WITH_NUMBER | {"身份证号": "330112202301150031", "名单月份": "202307"}
    )
    assert got.people.height == 2 and got.links.height == 1 and found(got) == ["newborn_number"]


# --- papers that arrive late -------------------------------------------------------------------------------------


def paper(key: int, file_id: str, **more: Any) -> dict[str, Any]:
    return certified(key, psn_key=5, psn_region="330112", file_id=file_id, **more)


def test_a_second_certificate_does_not_dissolve_the_link_to_the_first() -> None:
    bare, first, second = by_number(BARE), paper(GOOD, "FB"), paper(OTHER, "FC")
    assert links([bare, first]) == {GOOD: BARE}
    assert links([bare, first, second]) == {GOOD: BARE}
    assert identity_rules([bare, first, second]) == ["psn_two_certificates"]
    assert people([bare, first, second]).people["person_key"].to_list() == sorted([BARE, OTHER])


def test_a_number_that_comes_after_both_certificates_belongs_to_neither() -> None:
    assert links([paper(GOOD, "FA"), paper(OTHER, "FB"), by_number(BARE, file_id="FC")]) == {}


def test_a_third_certificate_does_not_dissolve_a_corrected_number() -> None:
    wrong = paper(OTHER, "FB", check_ok=False)
    assert links([paper(GOOD, "FA"), wrong]) == {OTHER: GOOD}
    assert links([paper(GOOD, "FA"), wrong, paper(104, "FC")]) == {OTHER: GOOD}


def test_a_second_region_does_not_dissolve_the_link_of_a_number_without_region() -> None:
    elsewhere = certified(OTHER, psn_key=5, psn_region="330302", file_id="FC")
    rows_ = [by_number(BARE, region=None), paper(GOOD, "FB"), elsewhere]
    assert links(rows_) == {GOOD: BARE}
    assert identity_rules(rows_) == ["psn_region_ambiguous"]


# --- the forms of the identities ---------------------------------------------------------------------------------


def test_the_forms_of_the_identities_are_counted_with_each_part(home: Home) -> None:
    """A fund total that holds the account: 1000 = 600 − 100 + 500; plain: 1000 = 500 + 500."""
    inside = {"SETL_ID": "S2", "FUND_PAY_SUMAMT": "600.00", "ACCT_PAY": "100.00", "CASH_PAYAMT": "400.00"}
    write_csv(home.inbox / "a.csv", rows(SETTLEMENT, {}, inside))
    ingest(home, received=date(2023, 6, 1))
    (manifest,) = lake.manifests(home)
    (part,) = [part for part in manifest.parts if part["table"] == "setl_d"]
    assert part["forms"] == {"form_b.plain": 1, "form_b.acct_in_fund": 1, "form_c.plain": 2}
    assert form_counts(core(home, "setl_d")) == part["forms"]
