"""Townships of people on no roster, from addresses as people write them: nearly everybody, and nobody a wrong one.

A synthetic county keeps where everybody lives (answer_key/township.csv) apart from what its files say of it. Through the
whole job for some counties, and text by text for many people of every county whose townships are known.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from schemas.reference import load_reference
from stores.home import Home
from synth import write_county
from synth.addresses import Addresses, Writer
from synth.people import make_people
from synth.places import county as place_of
from tests.agreement import key_table, person_keys, published
from tests.support import county_home
from transforms.place_names import SURE, Townships

REFERENCE = Path(__file__).resolve().parent.parent / "data" / "reference"
COUNTIES = ["330112", "330324", "500243", "330305", "330326", "330327", "330328", "330329"]
RUNS = [("330112", 2023, 21), ("330112", 2023, 22), ("330324", 2024, 23), ("500243", 2023, 24)]
LEAST = 0.95


@pytest.mark.parametrize(("region", "year", "seed"), RUNS)
def test_nearly_everybody_on_no_roster_has_the_right_township(
    tmp_path: Path, region: str, year: int, seed: int
) -> None:
    write_county(tmp_path / "county", persons=900, year=year, region=region, seed=seed)
    outcome = county_home(tmp_path / "county", tmp_path / "home", year)
    lives = key_table(tmp_path / "county", "township")
    lives = lives.select(
        person_key=person_keys(Home(tmp_path / "home"), lives, region), lives="township_code"
    )
    found = published(outcome.warehouse, "person_year").filter(cost_year=str(year))
    beside = lives.join(found, on="person_key", how="left", maintain_order="left")
    assert beside.height > 400 and beside["cost_year"].null_count() == 0
    told = pl.col("township_code")
    right, none, wrong = (
        beside.filter(which).height for which in (told == pl.col("lives"), told.is_null(), told != pl.col("lives"))
    )  # fmt: skip
    assert wrong == 0
    assert right >= LEAST * beside.height, (right, none)
    assert right + none == beside.height
    sources = Counter(beside["township_source"])
    assert set(sources) == {"counter", "live_addr", "hsreg_addr", "emp_name", "unknown"}
    assert sources["unknown"] == none > 0  # a county where everybody's is told would not be as people write


@pytest.fixture(scope="module")
def names() -> Townships:
    return Townships(load_reference(REFERENCE, None)["regions"])


def addresses(region: str, people: int, seed: int) -> tuple[Addresses, list[str]]:
    """Both addresses of many people, and the township in which each lives."""
    place, chance = place_of(region), np.random.default_rng(seed)
    made = make_people(chance, place, people, 2023, 50, plain=False)
    codes = [code for code, _ in place.townships]
    return Writer(chance, place, made).addresses(), [codes[town] for town in made.town]


@pytest.mark.parametrize("region", COUNTIES)
def test_what_an_address_tells_is_found_and_nothing_else(names: Townships, region: str) -> None:
    """Township, whether the county is said, and village of each address that tells them; no township of the others."""
    written, lives = addresses(region, 6_000, 5)
    for which in (written.living, written.registered):
        found = names.find(which.text).with_columns(
            text=which.text, told=which.told, sure=which.sure, village_told=pl.Series(which.village, dtype=pl.String),
            lives=pl.Series(lives),
        )  # fmt: skip
        for row in found.filter(pl.col("told")).iter_rows(named=True):
            here = [
                c for c in (row["township_codes"] or "").split("|") if c.removeprefix(SURE).startswith(region)
            ]
            assert here == [(SURE if row["sure"] else "") + row["lives"]], row["text"]
            assert (row["village"] or "") == row["village_told"], row["text"]
    untold = names.find(written.living.text.filter(pl.Series(~written.living.told)))["township_codes"]
    assert untold.len() > 500 and untold.null_count() == untold.len()


def test_addresses_are_written_in_many_ways() -> None:
    """Without county, under its former name, without 镇, with blanks, brackets, full-width digits, 于 for 於 …"""
    written, _ = addresses("330112", 6_000, 5)
    text = written.living.text
    for pattern in (
        "^临安市", "^浙江省杭州市临安区", "^临安[^区市]", r"^[^临浙杭]{2,5}[镇街]", "高虹[^镇路街花小]", "高 虹 镇", "（昌化镇）",
        "於潜", "于潜", r"[０-９]组", "锦城镇", "镇太阳(路|街|花园|小区)", "余杭区", "^$", "人民政府", "社区",
    ):  # fmt: skip
        assert text.str.contains(pattern).sum() > 3, pattern
    again, _ = addresses("330112", 6_000, 5)
    assert again.living.text.equals(text) and not addresses("330112", 6_000, 6)[0].living.text.equals(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("於潜河桥路147号", "330112104"),  # a road of another township's name, in 於潜
        ("平阳县开发区冷坑村", "=330326401"),
        ("开发区冷坑村", "330326401"),
        ("温州市平阳县鳌江镇开发区花园2号", "=330326101"),  # any place has a 开发区
        ("温州经济开发区2号", None),
        ("苍南县凤阳乡", "=330327216"),  # 凤阳畲族乡
        ("百丈漈镇幸福社区", "330328101"),  # not 百丈 of the next county
        ("永嘉县四海山林场路9号", None),
        ("文成县双桂山庄15号", None),  # neither 双桂 nor 桂山
        ("永嘉县鹤盛镇四海山林场小区3号", "=330324112"),
    ],
)  # fmt: skip
def test_names_that_begin_or_go_on_in_another(names: Townships, text: str, code: str | None) -> None:
    assert names.find(pl.Series([text]))["township_codes"].to_list() == [code]


def test_a_street_named_after_a_village_is_none(names: Townships) -> None:
    found = names.find(pl.Series(["怀溪镇闹村街29号", "怀溪镇上坞村29号"]))
    assert found["village"].to_list() == [None, "上坞村"]
