"""Townships in addresses as people write them: found where they are meant, and rather none than a wrong one."""

from __future__ import annotations

from pathlib import Path
from random import Random

import polars as pl
import pytest

from schemas.reference import load_reference
from transforms.place_names import SURE, Townships

REGIONS = load_reference(Path(__file__).resolve().parent.parent / "data" / "reference", None)["regions"]


@pytest.fixture(scope="module")
def names() -> Townships:
    return Townships(REGIONS)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("浙江省杭州市临安区锦城街道万马路2号", "=330112006"),
        ("浙江省临安市昌化镇东街", "=330112108"),  # the county's name before 2017
        ("临安区锦城镇", "=330112006"),  # the 街道 was a 镇
        ("临安于潜镇", "=330112104"),  # 於潜 is written so as often as not
        ("于潜方元村", "330112104"),
        ("高 虹 镇　大鱼村１号", "330112102"),
        ("临安区（天目山镇）", "=330112116"),
        ("锦城街道太阳花园3幢", "330112006"),
        ("太阳镇太阳村", "330112106"),
        ("临安经济开发区青山湖街道", "=330112008"),
        ("高虹镇花园小区2幢", "330112102"),
        ("昌化镇中心小学", "330112108"),
        ("温州市永嘉县瓯北街道", "=330324"),
        ("县特产场场区第7村村民委员会", "330324400"),  # a township whose name ends like a district
        ("彭水县汉葭街道", "=500243"),
        ("重庆市彭水苗族土家族自治县保家镇", "=500243"),
    ],
)
def test_a_township_is_found_however_it_is_written(names: Townships, text: str, code: str) -> None:
    (found,) = names.find(pl.Series([text]))["township_codes"]
    assert found is not None and found.startswith(code) and "|" not in found


@pytest.mark.parametrize(
    "text",
    [
        "太阳花园3幢", "太阳路8号", "太阳能有限公司", "板桥村", "天目山路1号", "青山湖科技公司",  # named after, not in
        "昌化镇河桥镇",  # two townships
        "杭州市余杭区板桥镇", "杭州余杭区太阳镇", "杭州市西湖区昌化路", "江苏省昆山市昌化镇", "黄山市歙县昌化镇",
        "深圳市龙岗区龙岗街道", "重庆市黔江区保家镇",  # counties that are not in the list
    ],
)  # fmt: skip
def test_rather_no_township_than_a_wrong_one(names: Townships, text: str) -> None:
    assert names.find(pl.Series([text]))["township_codes"].to_list() == [None]


def addresses(chance: Random, count: int) -> list[tuple[str, str | None]]:
    """Addresses as people write them, with the township that each of them means (None: none can be told)."""
    towns = REGIONS.filter(pl.col("level") == "township", pl.col("parent_code") == "330112")
    known = list(towns.select("code", "name_zh").iter_rows())
    made: list[tuple[str, str | None]] = []
    for n in range(count):
        code, name = chance.choice(known)
        stem = name.removesuffix("街道").removesuffix("镇")
        village = f"{chance.choice('东南西上下新')}{chance.choice('山坞坪塘坑岭')}村{1 + n % 12}组{n % 200}号"
        front = chance.choice(
            ["浙江省杭州市临安区", "杭州市临安区", "临安区", "临安市", "浙江省临安市", "临安", ""]
        )
        way = chance.random()
        if way < 0.62:
            text = f"{front}{name}{village}"
        elif way < 0.82:
            text = f"{front}{stem}{village}"
        elif way < 0.90:
            text = f"{front} {name.replace('於', '于')} （{village}）"
        elif way < 0.96:
            road = chance.choice(["太阳花园", "昌化路", "板桥弄", "天目山路", "龙岗街"])
            text = f"{front}{name}{road}{n % 90}号"
        elif way < 0.98:
            text = f"{front}{name}人民政府集体户"
        else:
            text, code = chance.choice(
                [(f"{front}{village}", None), ("杭州市余杭区太阳镇1号", None), ("", None)]
            )  # type: ignore[assignment]  # the choices hold None
        made.append((text, code))
    return made


def test_nearly_all_are_right_and_none_is_wrong(names: Townships) -> None:
    made = addresses(Random(20230501), 4_000)
    found = names.find(pl.Series([text for text, _ in made]))["township_codes"].to_list()
    right = wrong = 0
    for (text, code), codes in zip(made, found, strict=True):
        here = {
            c.removeprefix(SURE)
            for c in (codes or "").split("|")
            if c.removeprefix(SURE).startswith("330112")
        }
        right += here == {code}
        wrong += bool(here) and here != {code}
        assert not (here and here != {code}), (text, code, codes)
    assert wrong == 0
    assert right >= 0.95 * len(made)
