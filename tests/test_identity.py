"""Which keys are one person, under which key the person is published, and what is known of the person."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core_frames import delivered, table
from transforms import identity

FILES = delivered(FA=date(2023, 1, 5), FB=date(2023, 2, 5), FC=date(2023, 3, 5))
GOOD, BAD, BARE = 101, 102, 900


def certified(key: int, **more: Any) -> dict[str, Any]:
    return {
        "id_key": key,
        "cert_key": key,
        "check_ok": True,
        "certno_masked": f"330185********{key:04d}",
        **more,
    }


def by_number(key: int, psn: int = 5, region: str | None = "330112", **more: Any) -> dict[str, Any]:
    """A row without a readable certificate: its key is that of region and 人员编号."""
    return {"id_key": key, "psn_key": psn, "psn_region": region, **more}


def people(rows: list[dict[str, Any]], confirmed: list[tuple[int, int]] | None = None) -> identity.People:
    pairs = pl.DataFrame(confirmed, schema=["id_key", "same_as"], orient="row") if confirmed else None
    return identity.people(table("person", rows).lazy(), FILES, pairs)


def links(rows: list[dict[str, Any]], confirmed: list[tuple[int, int]] | None = None) -> dict[int, int]:
    return dict(people(rows, confirmed).links.rows())


def rules(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(people(rows).findings["rule"].to_list())


def test_nobody_is_linked_without_a_reason() -> None:
    rows = [certified(GOOD, psn_key=5, psn_region="330112"), certified(BAD, psn_key=6, psn_region="330112")]
    assert links(rows) == {}
    assert rules(rows) == []
    assert people(rows).people["person_key"].to_list() == [GOOD, BAD]


def test_a_later_row_that_shows_both_links_number_and_certificate_under_the_oldest_key() -> None:
    rows = [by_number(BARE), certified(GOOD, psn_key=5, psn_region="330112", file_id="FB")]
    assert links(rows) == {GOOD: BARE}
    assert people(rows).people.select("person_key", "certno_masked").rows() == [(BARE, "330185********0101")]


def test_the_certificate_stays_the_key_where_it_was_seen_first() -> None:
    rows = [certified(GOOD, psn_key=5, psn_region="330112"), by_number(BARE, file_id="FB")]
    assert links(rows) == {BARE: GOOD}


def test_a_number_of_another_region_is_another_person() -> None:
    rows = [certified(GOOD, psn_key=5, psn_region="330112"), by_number(BARE, region="500243")]
    assert links(rows) == {}


def test_a_row_without_a_region_links_only_where_it_is_clear() -> None:
    clear = [certified(GOOD, psn_key=5), by_number(BARE)]
    assert links(clear) == {BARE: GOOD}
    unclear = [certified(GOOD, psn_key=5), by_number(BARE), by_number(BARE + 1, region="500243")]
    assert links(unclear) == {}
    lost = [
        certified(GOOD, psn_key=5, psn_region="330112"),
        by_number(BARE + 1, region="500243"),
        by_number(7, region=None),
    ]
    assert links(lost) == {}
    assert rules(lost) == ["psn_region_ambiguous"]


def test_one_number_with_a_wrong_and_a_right_certificate_is_one_person() -> None:
    rows = [
        certified(BAD, psn_key=5, psn_region="330112", check_ok=False),
        certified(GOOD, psn_key=5, psn_region="330112", file_id="FB"),
        by_number(BARE, file_id="FC"),
    ]
    assert links(rows) == {GOOD: BAD, BARE: BAD}
    assert people(rows).people["certno_masked"].to_list() == ["330185********0101"]
    assert rules(rows) == ["check_digit"]


def test_one_number_with_two_right_certificates_waits_for_confirmation() -> None:
    rows = [
        certified(GOOD, psn_key=5, psn_region="330112"),
        certified(BAD, psn_key=5, psn_region="330112"),
        by_number(BARE),
    ]
    assert links(rows) == {}
    assert rules(rows) == ["psn_two_certificates"]
    assert links(rows, [(BAD, GOOD)]) == {BAD: GOOD}
    assert people(rows, [(BAD, GOOD)]).findings.is_empty()


def test_two_wrong_certificates_wait_too() -> None:
    rows = [certified(key, psn_key=5, psn_region="330112", check_ok=False) for key in (GOOD, BAD)]
    assert links(rows) == {}
    assert rules(rows) == ["check_digit", "check_digit", "psn_two_certificates"]


def test_a_wrong_check_digit_alone_is_a_finding_and_a_key() -> None:
    rows = [certified(BAD, check_ok=False)]
    assert links(rows) == {}
    assert people(rows).findings.select("rule", "person_key").rows() == [("check_digit", BAD)]
    assert people(rows).people["person_key"].to_list() == [BAD]


def test_another_certificate_with_and_without_its_type() -> None:
    rows = [
        certified(7, untyped_key=50, check_ok=None),
        certified(50, untyped_key=50, check_ok=None, file_id="FB"),
    ]
    assert links(rows) == {50: 7}
    assert links([*rows, certified(8, untyped_key=50, check_ok=None)]) == {}
    assert rules([*rows, certified(8, untyped_key=50, check_ok=None)]) == ["untyped_ambiguous"]
    assert links([rows[0], certified(8, untyped_key=50, check_ok=None)]) == {}


def test_a_newborn_on_a_roster_is_linked_by_nothing_but_a_confirmation() -> None:
    rows = [{"id_key": 77}, certified(GOOD, file_id="FB")]
    assert links(rows) == {}
    assert links(rows, [(77, GOOD)]) == {GOOD: 77}


def test_what_is_known_of_a_person_is_the_latest() -> None:
    rows = [
        certified(GOOD, name_masked="张**", birth_year=1950, sex="1"),
        certified(GOOD, name_masked="章**", file_id="FB", died_on=date(2023, 2, 1), dead=True),
    ]
    row = people(rows).people.row(0, named=True)
    assert (row["name_masked"], row["birth_year"], row["sex"]) == ("章**", 1950, "1")
    assert (row["deceased_on"], row["dead"]) == (date(2023, 2, 1), True)


def test_the_latest_place_of_each_kind() -> None:
    def place(kind: str, codes: str, day: int | None, **more: Any) -> dict[str, Any]:
        time = datetime(2023, 1, day) if day else None
        return certified(GOOD, place_kind=kind, township_codes=codes, place_time=time, **more)

    rows = [
        place("counter", "330112104", 9, village="甲村"),
        place("counter", "330112105", 8, village="乙村", file_id="FB"),
        place("live_addr", "330112106|330302001", None, file_id="FB"),
    ]
    row = people(rows).people.row(0, named=True)
    assert (row["counter_codes"], row["counter_village"]) == ("330112104", "甲村")
    assert (row["live_addr_codes"], row["hsreg_addr_codes"]) == ("330112106|330302001", None)


ROWS = st.lists(
    st.one_of(
        st.builds(
            lambda k, p: certified(k, psn_key=p, psn_region="330112", check_ok=k > 2),
            st.integers(1, 5),
            st.integers(1, 4),
        ),
        st.builds(lambda p: by_number(900 + p, p), st.integers(1, 4)),
    ),
    max_size=10,
)  # fmt: skip


@settings(deadline=None, max_examples=40)
@given(ROWS, st.randoms())
def test_the_order_of_rows_in_the_lake_is_irrelevant_and_keys_are_published_once(
    rows: Any, random: Any
) -> None:
    frame = table("person", rows)
    mixed = list(range(frame.height))
    random.shuffle(mixed)
    one = identity.people(frame.lazy(), FILES)
    other = identity.people(frame[mixed].lazy(), FILES)
    assert one.links.equals(other.links)
    assert one.people.equals(other.people)
    assert one.findings.equals(other.findings)
    assert not set(one.links["id_key"]) & set(one.links["person_key"])
    assert sorted(one.people["person_key"]) == sorted(set(frame["id_key"]) - set(one.links["id_key"]))
