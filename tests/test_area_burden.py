"""Burden by area: five levels, categories apart, unknown places, nothing counted twice."""

from __future__ import annotations

import polars as pl
import pytest

from transforms.area_burden import LEVELS, area_burden

REGIONS = pl.DataFrame(
    [
        ("330000", "province", None),
        ("330100", "city", "330000"),
        ("330112", "county", "330100"),
        ("500000", "province", None),
        ("500200", "city", "500000"),
        ("500243", "county", "500200"),
    ],
    schema=["code", "level", "parent_code"],
    orient="row",
)
PERSONS = pl.DataFrame(
    [
        (1, "330112", "330112104", "甲村", "DIBAO", "F1", 10_000, 4_000),
        (2, "330112", "330112104", "甲村", "DIBAO", "F1", 20_000, 8_000),
        (3, "330112", "330112104", None, None, None, 700, 300),
        (4, "330112", None, None, "DIBAO", "F2", 1_000, 1_000),
        (5, "500243", "500243001", "乙村", "TEKUN", "F3", 500, 100),
    ],
    schema=[
        "person_key", "region_code", "township_code", "village", "category", "household_id", "tot_fen", "burden_fen",
    ],
    orient="row",
)  # fmt: skip
GAPS = pl.DataFrame(
    [("330112", "330112104", "甲村", "DIBAO", 2_000), ("330112", None, None, "DIBIAN", 50)],
    schema=["region_code", "township_code", "village", "category", "gap_fen"],
    orient="row",
)
WARNINGS = pl.DataFrame(
    [(1, 2023, "discovered"), (1, 2023, "visiting"), (2, 2023, "withdrawn"), (4, 2022, "closed")],
    schema=["person_key", "year", "status"],
    orient="row",
)


def row(found: pl.DataFrame, code: str, category: str | None) -> tuple[object, ...]:
    own = found.filter((pl.col("area_code") == code) & pl.col("category").eq_missing(pl.lit(category)))
    return own.select(
        "area_level", "n_persons", "n_households", "tot_fen", "burden_fen", "over_fen", "n_warned"
    ).row(0)


def test_levels_from_village_to_province() -> None:
    found = area_burden(PERSONS, GAPS, WARNINGS, REGIONS, 2023)
    assert row(found, "330112104/甲村", "DIBAO") == ("village", 2, 1, 30_000, 12_000, 2_000, 1)
    assert row(found, "330112104", "DIBAO") == ("township", 2, 1, 30_000, 12_000, 2_000, 1)
    assert row(found, "330112", "DIBAO") == ("county", 3, 2, 31_000, 13_000, 2_000, 1)
    assert row(found, "330100", "DIBAO") == ("city", 3, 2, 31_000, 13_000, 2_000, 1)
    assert row(found, "330000", None) == ("province", 1, 0, 700, 300, 0, 0)
    assert row(found, "500200", "TEKUN") == ("city", 1, 1, 500, 100, 0, 0)


def test_unknown_places_stand_under_their_county() -> None:
    found = area_burden(PERSONS, GAPS, WARNINGS, REGIONS, 2023)
    assert row(found, "330112/未知", "DIBAO") == ("township", 1, 1, 1_000, 1_000, 0, 0)
    assert row(found, "330112104/未知", None) == ("village", 1, 0, 700, 300, 0, 0)
    # units over their cap in a category that nobody holds on the yardstick date
    assert row(found, "330112", "DIBIAN") == ("county", 0, 0, 0, 0, 50, 0)


def test_an_insured_code_below_the_county_stands_in_the_county() -> None:
    """Nobody's roster, insured at 330112104 (a township's code): county 330112, township unknown."""
    stray = PERSONS.filter(pl.col("person_key") == 3).with_columns(
        region_code=pl.lit("330112104"), township_code=pl.lit(None, pl.String)
    )
    found = area_burden(stray, None, None, REGIONS, 2023)
    assert found["area_code"].to_list() == ["330000", "330100", "330112", "330112/未知", "330112/未知/未知"]


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_holds_everybody_once(level: str) -> None:
    found = area_burden(PERSONS, GAPS, WARNINGS, REGIONS, 2023).filter(pl.col("area_level") == level)
    assert found["n_persons"].sum() == 5 and found["tot_fen"].sum() == 32_200
    assert found["burden_fen"].sum() == 13_400 and found["over_fen"].sum() == 2_050
    assert found.select("area_code", "category").is_duplicated().any() is False


def test_what_is_not_known_is_empty_and_not_zero() -> None:
    found = area_burden(PERSONS, None, None, REGIONS, 2023)
    assert found["over_fen"].null_count() == found["n_warned"].null_count() == found.height
    assert (
        area_burden(PERSONS, pl.DataFrame(), WARNINGS, REGIONS, 2023)["over_fen"].null_count() == found.height
    )
