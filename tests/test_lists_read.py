"""What the lists read of the published file and of the vault: the people whom they name, with the latest word."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mart_frames import RUN, person_year, tables
from polars.testing import assert_frame_equal

from flows.present import people_of
from schemas.mart import PUBLISHED
from stores.home import Home
from stores.vault import Vault
from stores.warehouse import as_read, publish, read, read_all, read_people
from transforms.pseudonym import key_number, key_numbers, key_texts

keys = st.lists(st.none() | st.integers(0, 2**63 - 1), max_size=8)


@given(keys)
def test_texts_of_keys_lead_back_to_their_numbers(numbers: list[int | None]) -> None:
    texts = key_texts(pl.Series("person_key", numbers, dtype=pl.Int64), "P")
    found = key_numbers(texts)
    assert (found.name, found.to_list()) == ("person_key", numbers)
    assert [None if text is None else key_number(text) for text in texts] == numbers


@pytest.mark.parametrize("text", ["", "P", "P0123456789ABCDEF", "P000000000000U", "P00000000000é"])
def test_other_texts_are_no_keys(text: str) -> None:
    with pytest.raises(ValueError, match="not"):
        key_numbers(pl.Series(["P0000000000001", text]))


def test_tables_that_are_being_published_read_as_those_that_are(tmp_path: Path) -> None:
    """Cell by cell and type by type, in any order that the rows come in, also where a table has no rows."""
    path = publish(tmp_path, tables(), run_id=RUN)
    shuffled = {
        name: frame.sample(fraction=1, shuffle=True, seed=7).lazy() for name, frame in tables().items()
    }
    found = as_read(shuffled, list(PUBLISHED))
    there = read_all(path, list(PUBLISHED))
    assert found.keys() == there.keys()
    for name, frame in there.items():
        assert_frame_equal(found[name], frame)


def test_of_the_year_the_people_asked_for_and_the_latest_year_of_each_region(tmp_path: Path) -> None:
    later = person_year().head(2).with_columns(cost_year=pl.lit(2024, pl.Int32))
    path = publish(tmp_path, tables() | {"person_year": pl.concat([person_year(), later])}, run_id=RUN)
    whole = read(path, "person_year")
    assert whole is not None
    wanted = whole["person_key"].unique().sort()[[0, 2]]
    found = read_people(path, wanted)
    assert found["person_year"].equals(whole.filter(pl.col("person_key").is_in(wanted.implode())))
    assert found["latest_year"].rows() == [("330112", 2024)]
    assert read_people(path, wanted.clear())["person_year"].is_empty()


def test_names_are_those_of_the_latest_file_under_every_key_of_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    home = Home(tmp_path / "home").ensure()
    vault = Vault(home)
    january = {"id_key": [1, 2, 3], "name": ["张三", "李四", "王五"], "phone": ["1", None, "3"]}
    march = {
        "id_key": [9, 2, 4],
        "name": ["张三丰", None, "赵六"],
        "certno": ["C", "D", "E"],
        "phone": [None, "2", None],
    }
    vault.write("F1", "person", pl.DataFrame(january))
    vault.write("F2", "person", pl.DataFrame(march))
    files = pl.DataFrame(
        {
            "file_id": ["F2", "F1", "F0"],
            "received_on": [date(2024, 3, 1), date(2024, 1, 1), date(2024, 2, 1)],
            "content_hash": ["b", "a", "c"],
        }
    )
    linked = pl.DataFrame({"id_key": [9, 3], "person_key": [1, 4]})  # 9 is 1, and 3 is somebody else
    asked = key_texts(pl.Series([1, 2, 3]), "P")
    found = people_of(home, files, asked, linked).sort("person_key")
    assert found.select("person_key", "name", "certno", "phone").rows() == [
        (1, "张三丰", "C", "1"),
        (2, "李四", "D", "2"),
    ]
    assert people_of(home, files, asked.clear(), linked).is_empty()
    assert people_of(home, files.filter(file_id="F0"), asked, linked).is_empty()
