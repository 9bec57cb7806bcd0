"""Text as delivered → values: the untidy forms of extract_layouts §9, each with what it must become."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ingest_samples import CERT_15, CERT_WRONG, CERT_X

from transforms.normalise import cleaned, cleaned_codes, cleaned_ids, scientific
from transforms.normalise_amounts import fen
from transforms.normalise_certificates import certificates, check_values, number_facts
from transforms.normalise_dates import dates, datetimes, integers, months
from transforms.place_names import Townships, sure_within


def amount(text: str | None) -> tuple[int | None, bool]:
    frame, bad = fen(pl.DataFrame({"a": [text, "1.00"]}, schema={"a": pl.String}), ["a"])
    return frame["a"][0], bool(bad["a"][0]) if "a" in bad else False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("170.70", 17_070), ("0", 0), ("-0", 0), ("-0.00", 0), ("¥1,234.50", 123_450), ("￥12", 1_200),
        ("１２．５", 1_250), ("1，234，567.89", 123_456_789), (" 3.1 ", 310), ("-16.80", -1_680), ("1.1000", 110),
        ("0.29", 29), ("1000.15", 100_015), ("+3.10", 310), (".5", 50), ("5.", 500), ("12元", 1_200),
        ("999999999.99", 99_999_999_999),
    ],
)  # fmt: skip
def test_amounts(text: str, expected: int) -> None:
    assert amount(text) == (expected, False)


@pytest.mark.parametrize("text", ["", "-", "--", "无", "空", "null", "***", None])
def test_missing_amounts_are_unknown_and_not_bad(text: str | None) -> None:
    assert amount(text) == (None, False)


@pytest.mark.parametrize(
    "text",
    [
        "1.005",
        "1.2345",
        "0.001",
        "1.00000001",
        "1e3",
        "1.5E2",
        "abc",
        "12,34",
        "NaN",
        "inf",
        "1000000000",
        "1 000.0.0",
    ],
)
def test_bad_amounts_are_never_rounded(text: str) -> None:
    assert amount(text) == (None, True)


@settings(max_examples=300, deadline=None)
@given(st.integers(-99_999_999_999, 99_999_999_999), st.integers(1, 9))
def test_every_two_decimal_amount_is_exact_and_a_third_decimal_never_passes(
    fen_value: int, digit: int
) -> None:
    text = str(Decimal(fen_value).scaleb(-2))
    assert amount(text) == (fen_value, False)
    assert amount(f"{text}{digit}" if "." in text else f"{text}.00{digit}") == (None, True)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.integers(-99_999_999_999, 99_999_999_999), min_size=1, max_size=20))
def test_parsed_amounts_give_their_fen_back(amounts: list[int | None]) -> None:
    yuan = [None if a is None else float(Decimal(a).scaleb(-2)) for a in amounts]
    frame, bad = fen(
        pl.DataFrame({"a": yuan, "b": [0.0] * len(yuan)}, schema_overrides={"a": pl.Float64}), ["a", "b"]
    )
    assert frame["a"].to_list() == amounts and set(frame["b"]) == {0} and not bad
    assert frame.schema == {"a": pl.Int64, "b": pl.Int64}


def test_parsed_amounts_of_many_blocks() -> None:
    amounts = pl.int_range(70_000, eager=True)
    for chunks in (amounts, amounts.append(amounts)):
        frame, bad = fen(pl.DataFrame({"a": chunks.cast(pl.Float64) / 4 * 4, "b": chunks * 0.25}), ["a", "b"])
        assert (frame["a"] == chunks * 100).all() and (frame["b"] == chunks * 25).all() and not bad


@pytest.mark.parametrize(
    "number", [float("nan"), float("inf"), -float("inf"), 1.005, 0.1 + 0.2, 1e9, -1e9, 1e300]
)
def test_parsed_numbers_that_are_no_amounts_are_bad(number: float) -> None:
    frame, bad = fen(
        pl.DataFrame({"a": [1.0, None, number, -0.0], "b": [0.29, 1000.15, 0.0, -16.8]}), ["a", "b"]
    )
    assert frame["a"].to_list() == [100, None, None, 0] and bad["a"].to_list() == [False, False, True, False]
    assert frame["b"].to_list() == [29, 100_015, 0, -1_680] and "b" not in bad


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-05-01", date(2023, 5, 1)), ("20230501", date(2023, 5, 1)), ("2023/5/1", date(2023, 5, 1)),
        ("2023年5月1日", date(2023, 5, 1)), ("2018-01-01 星期五", date(2018, 1, 1)), ("2023-05-01 08:09:10", date(2023, 5, 1)),
        ("2023.05.01", date(2023, 5, 1)), ("２０２３－０５－０１", date(2023, 5, 1)), ("2023-05-01T00:00:00", date(2023, 5, 1)),
        ("2024-02-29", date(2024, 2, 29)),
    ],
)  # fmt: skip
def test_dates(text: str, expected: date) -> None:
    values, bad = dates(pl.Series([text]))
    assert (values[0], bad) == (expected, None)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0000-00-00",
        "00000000",
        "--",
        "",
        "无",
        "9999-12-31",
        "9999-12-31 00:00:00",
        "9999/12/31",
        "99991231235959",
    ],
)
def test_missing_dates(text: str) -> None:
    values, bad = dates(pl.Series([text]))
    assert (values[0], bad) == (None, None)


@pytest.mark.parametrize(
    "text", ["2018-02-29 星期一", "2023-13-01", "20230230", "1823-01-01", "2323-01-01", "昨天", "45000"]
)
def test_impossible_dates_are_bad(text: str) -> None:
    values, bad = dates(pl.Series([text, "2023-05-01"]))
    assert values[0] is None and bad is not None and bad.to_list() == [True, False]


@pytest.mark.parametrize("text", ["0000-01-01 00:00:00", "1899-12-31 23:59:59", "2101-01-01 00:00:00"])
def test_times_before_and_after_the_years_that_can_be_are_bad(text: str) -> None:
    read, bad = datetimes(pl.Series(["2023-05-01 08:00:00", text]))
    assert read.to_list() == [datetime(2023, 5, 1, 8), None]
    assert bad is not None and bad.to_list() == [False, True]


def test_times_are_kept() -> None:
    texts = [
        "2023-05-01 10:11:12",
        "2023/5/1 9:05",
        "20230501101112",
        "2023-05-01 10:11:12.000",
        "2023-05-01",
    ]
    values, bad = datetimes(pl.Series(texts))
    assert bad is None
    assert values.to_list() == [
        datetime(2023, 5, 1, 10, 11, 12), datetime(2023, 5, 1, 9, 5), datetime(2023, 5, 1, 10, 11, 12),
        datetime(2023, 5, 1, 10, 11, 12), datetime(2023, 5, 1),
    ]  # fmt: skip


def test_months_and_years() -> None:
    values, bad = months(pl.Series(["202305", "2023-5", "2023年5月", "2023-05-01", "202313", None]))
    assert values.to_list() == [202305] * 4 + [None, None]
    assert bad is not None and bad.to_list() == [False] * 4 + [True, False]
    assert integers(pl.Series(["2023", "2023.0", "2023年度", "--"]))[0].to_list() == [2023, 2023, 2023, None]


def test_text_and_ids() -> None:
    assert cleaned(pl.Series([" 张三 ", "张　三", "Ａ\u200bB", "暂无", "***", "", "'x'"])).to_list() == [
        "张三", "张 三", "AB", None, None, None, "x",
    ]  # fmt: skip
    assert cleaned_ids(pl.Series(["'123", "\t12 3", "１２３", "-", "S-1", "null"])).to_list() == [
        "123", "123", "123", None, "S-1", None,
    ]  # fmt: skip
    assert cleaned_codes(pl.Series(["310.0", "310", "是", "无"]), {"是": "1"}).to_list() == [
        "310",
        "310",
        "1",
        None,
    ]
    assert scientific(pl.Series(["3.30E+17", "3.301122e+17", "A+B", "330112199001011234", None])).to_list() == [
        True, True, False, False, False,
    ]  # fmt: skip


def test_certificates() -> None:
    read = certificates(
        pl.Series([CERT_X, CERT_15, CERT_WRONG, CERT_X.lower(), "E12345678", "3301****", "无", None])
    )
    # 11010519491231002 × 11 + 10
    assert read.number.to_list()[:2] == [11010519491231002 * 11 + 10] * 2
    assert read.number[2] == 11010519491231002 * 11 + 1 and read.number[3] == read.number[0]
    assert read.other.to_list()[4:] == ["E12345678", None, None, None]
    facts = number_facts(read.number)
    assert facts["check_ok"].to_list()[:3] == [True, True, False]
    assert facts["masked"].to_list()[:3] == ["110105********002X"] * 3
    assert facts["sex"][0] == "2"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.tuples(st.integers(10**16, 10**17 - 1), st.integers(0, 10)), max_size=5))
def test_numbers_become_texts_again(given_numbers: list[tuple[int, int] | None]) -> None:
    numbers = pl.Series([None if n is None else n[0] * 11 + n[1] for n in given_numbers], dtype=pl.Int64)
    facts = number_facts(numbers)
    right = check_values(numbers // 11).to_list()
    for row, number, check in zip(facts.rows(named=True), given_numbers, right, strict=True):
        if number is None:
            assert set(row.values()) == {None}
            continue
        digits, year = str(number[0]), int(str(number[0])[6:10])
        assert row["text"] == digits + "0123456789X"[number[1]]
        assert row["masked"] == f"{digits[:6]}********{digits[14:]}" + "0123456789X"[check]
        assert row["check_ok"] is (number[1] == check) and row["sex"] == ("1" if number[0] % 2 else "2")
        assert row["birth_year"] == (year if 1880 <= year <= 2100 else None)


def test_check_value_by_hand() -> None:
    # 7·1+9·1+10·0+5·1+8·0+4·5+2·1+1·9+6·4+3·9+7·1+9·2+10·3+5·1+8·0+4·0+2·2 = 167; 167 mod 11 = 2 → X
    assert check_values(pl.Series([11010519491231002])).to_list() == [10]


def test_townships() -> None:
    regions = pl.DataFrame(
        {
            "code": [
                "330100",
                "330112",
                "330381",
                "330112102",
                "330112006",
                "330381001",
                "330112009",
                "330381009",
            ],
            "name_zh": ["杭州市", "临安区", "瑞安市", "高虹镇", "锦城街道", "玉海街道", "中山街道", "中山镇"],
            "level": ["city", "county", "county", *["township"] * 5],
            "parent_code": ["", "330100", "", "330112", "330112", "330381", "330112", "330381"],
        }
    )
    texts = [
        "浙江省杭州市临安区高虹镇大鱼村12号",
        "锦城街道办事处",
        "高虹中学",
        "中山路",
        "瑞安市中山镇",
        "瑞安市高虹镇",
        None,
    ]
    found = Townships(regions).find(pl.Series(texts))
    assert found["township_codes"].to_list() == [
        "=330112102", "330112006", "330112102", None, "=330381009", None, None,
    ]  # fmt: skip
    assert found["village"][0] == "大鱼村"


def test_the_row_of_a_counter_says_its_county() -> None:
    codes = pl.Series(["330112009|330381009", "=330381009", "330381009", None, "330112009"])
    regions = pl.Series(["330381", "330381", "330112", "330381", None])
    assert sure_within(codes, regions).to_list() == [
        "330112009|=330381009", "=330381009", "330381009", None, "330112009",
    ]  # fmt: skip
