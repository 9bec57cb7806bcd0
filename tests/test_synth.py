"""The synthetic county: repeatable, of any size, untidy where meant, and synthetic beyond doubt."""

from __future__ import annotations

import csv
import gzip
import hashlib
import zipfile
from pathlib import Path

import openpyxl
import pytest

from synth import write_county
from synth.ids import check_digit, is_valid, wrong_digit
from synth.people import make_people
from synth.places import county as place_of
from synth.scenarios import Planter

SAMPLE = Path(__file__).parents[1] / "data" / "sample"


def digests(folder: Path) -> dict[str, str]:
    return {
        str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in sorted(folder.rglob("*"))
        if f.is_file()
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("small") / "county"
    write_county(out, persons=600, year=2023, region="330112", seed=3)
    return out


def test_same_arguments_same_bytes_other_seed_other_bytes(small: Path, tmp_path: Path) -> None:
    write_county(tmp_path / "again", persons=600, year=2023, region="330112", seed=3)
    assert digests(tmp_path / "again") == digests(small)
    write_county(tmp_path / "other", persons=600, year=2023, region="330112", seed=4)
    assert digests(tmp_path / "other") != digests(small)


def test_half_of_the_platform_files_is_gb18030(small: Path) -> None:
    with (small / "answer_key" / "files.csv").open(encoding="utf-8") as f:
        found = [r for r in csv.DictReader(f) if r["file"].startswith("setl_d")]
    share = sum(r["encoding"] == "gb18030" for r in found) / len(found)
    assert 0.4 <= share <= 0.6
    names = {Path(r["file"]).suffix for r in found}
    assert {".csv", ".txt", ".gz", ".zip"} <= names
    assert any(r["encoding"] == "utf-8-sig" for r in found)


def test_platform_files_use_both_field_names_both_cases_and_four_separators(small: Path) -> None:
    heads = set()
    for f in (small / "inbox").glob("setl_d*"):
        if f.suffix in (".csv", ".txt"):
            heads.add(f.read_bytes().split(b"\n", 1)[0].decode("ascii", "ignore").lstrip("\ufeff"))
    text = "\n".join(heads)
    assert "inscp_scp_amt" in text.lower() and "inscp_amt" in text.lower()
    assert any(h.isupper() for h in heads) and any(h.islower() for h in heads)
    assert {sep for h in heads for sep in ",;\t|" if sep in h} == set(",;\t|")


def test_roster_workbooks_have_titles_synonyms_and_lists(small: Path) -> None:
    titled = synonyms = 0
    kinds = set()
    for f in (small / "inbox").glob("救助对象名册*.xlsx"):
        rows = list(openpyxl.load_workbook(f).active.iter_rows(values_only=True))
        at = 0 if "姓名" in rows[0] else 1
        titled += at
        header = rows[at]
        synonyms += "身份证号码" in header
        kinds |= {r[header.index("名单类型")] for r in rows[at + 1 :]}
    assert titled and synonyms
    assert {"在册", "新增", "减少"} <= kinds


def test_files_and_dates_of_receipt(small: Path) -> None:
    with (small / "received.csv").open(encoding="utf-8") as f:
        listed = {r["file"]: r["received_on"] for r in csv.DictReader(f)}
    assert set(listed) == {f.name for f in (small / "inbox").iterdir()}
    assert all("2023-01-01" <= d <= "2024-03-31" for d in listed.values())


def test_certificate_numbers() -> None:
    assert check_digit("11010519491231002") == "X"
    assert is_valid("11010519491231002X") and not is_valid(wrong_digit("11010519491231002X"))


def test_people_have_numbers_of_their_own() -> None:
    import numpy as np

    place = place_of("330112")
    people = make_people(np.random.default_rng(1), place, 20_000, 2023, 800, plain=True)
    numbers = people.certno.to_list()
    assert len(set(numbers)) == len(numbers) and all(is_valid(n) for n in numbers)
    planted = [e.certno for e in Planter(place, 2023).extras]
    assert len(set(planted)) == len(planted) and not set(planted) & set(numbers)
    assert all(n.startswith("330198") for n in planted) and all(n.startswith("330199") for n in numbers)


@pytest.mark.parametrize("region", ["330326", "500243", "330305"])
def test_other_counties(tmp_path: Path, region: str) -> None:
    summary = write_county(tmp_path, persons=300, year=2024, region=region, seed=2)
    assert summary["person_years"] and summary["household_years"] and summary["cap_units"] == 0
    style = "统计汇总*.xlsx" if region == "500243" else "中心结算明细*.xlsx"
    assert list((tmp_path / "inbox").glob(style))


def test_pengshui_has_what_its_rules_need(tmp_path: Path) -> None:
    for name in ("one", "again"):
        write_county(tmp_path / name, persons=400, year=2023, region="500243", seed=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "again")
    with (tmp_path / "one" / "answer_key" / "files.csv").open(encoding="utf-8") as f:
        tables = {r["table_name"] for r in csv.DictReader(f)}
    assert {"refl_appy_evt_c", "out_appy_d", "setl_diag_list_d", "opening_balance", "fixmedins_b"} <= tables
    with (tmp_path / "one" / "reference" / "special_disease.csv").open(encoding="utf-8") as f:
        assert {r["class"] for r in csv.DictReader(f)} == {"special", "chronic"}
    with (tmp_path / "one" / "answer_key" / "benefit_line.csv").open(encoding="utf-8") as f:
        lines = list(csv.DictReader(f))
    found = {(r["rule_id"], r["status"]) for r in lines}
    assert {(rule, status) for rule in ("P-16", "P-24") for status in ("held", "review", "within")} <= found
    assert ("P-16", "due") in found and {("P-17", s) for s in ("held", "review")} <= found
    assert {r["category"] for r in lines} == {
        "TEKUN", "DIBAO", "FANPIN", "JIANCE", "DIBIAN", "YINBING", "YOUFU", "ZHONGCAN",
    }  # fmt: skip
    with (tmp_path / "one" / "answer_key" / "assistance_audit.csv").open(encoding="utf-8") as f:
        verdicts = {r["verdict"] for r in csv.DictReader(f)}
    assert verdicts == {"match", "under", "over", "held", "not_determined"}


@pytest.mark.parametrize("disease_list", ["empty", "missing"])
def test_a_list_delivered_empty_or_not_at_all(tmp_path: Path, disease_list: str) -> None:
    write_county(tmp_path, persons=300, year=2023, region="500243", seed=2)
    write_county(tmp_path, persons=300, year=2023, region="500243", seed=2, disease_list=disease_list)
    path = tmp_path / "reference" / "special_disease.csv"
    assert path.exists() == (disease_list == "empty")
    assert not path.exists() or len(path.read_text(encoding="utf-8").splitlines()) == 1
    with pytest.raises(ValueError, match="病种清单"):
        write_county(tmp_path, persons=300, year=2023, region="500243", seed=2, disease_list="half")


def test_reference_tables_in_the_way_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    mine = tmp_path / "reference" / "special_disease.csv"
    mine.write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match="参考表"):
        write_county(tmp_path, persons=300, year=2023, region="500243", seed=2)
    write_county(tmp_path, persons=300, year=2023, region="330112", seed=2)
    assert mine.read_text(encoding="utf-8") == "x"


def test_plain_county_is_utf8_text_only(tmp_path: Path) -> None:
    write_county(tmp_path, persons=500, year=2023, region="330112", seed=2, plain=True)
    names = [f.name for f in (tmp_path / "inbox").iterdir()]
    assert all(n.endswith(".csv") for n in names)
    found = {n.split("_")[0] for n in names}
    assert (
        {"setl", "其他保障待遇", "困难家庭认定"}
        <= found
        <= {"setl", "其他保障待遇", "困难家庭认定", "救助对象名册"}
    )
    for f in (tmp_path / "inbox").iterdir():
        f.read_text(encoding="utf-8")


def test_refuses_unknown_places_tiny_counties_and_folders_in_use(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="没有区划"):
        write_county(tmp_path, persons=300, year=2023, region="110101", seed=1)
    with pytest.raises(ValueError, match="至少"):
        write_county(tmp_path, persons=5, year=2023, region="330112", seed=1)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "real.csv").write_text("x")
    with pytest.raises(ValueError, match="不是合成数据"):
        write_county(tmp_path, persons=220, year=2023, region="330112", seed=1)
    assert (tmp_path / "inbox" / "real.csv").exists()


def contents(folder: Path) -> dict[str, str]:
    """Digests of what the files say: packing depends on the machine's zlib, content does not."""
    found = {}
    for f in sorted(folder.rglob("*")):
        if not f.is_file() or f.name == "README.md":
            continue
        content = f.read_bytes()
        if f.suffix == ".gz":
            content = gzip.decompress(content)
        elif f.suffix in (".zip", ".xlsx"):
            with zipfile.ZipFile(f) as z:
                content = b"".join(z.read(n) for n in sorted(z.namelist()))
        elif f.name == "files.csv":
            rows = list(csv.reader(content.decode().splitlines()))
            at = rows[0].index("content_hash")
            content = repr([r[:at] + r[at + 1 :] for r in rows]).encode()
        found[str(f.relative_to(folder))] = hashlib.sha256(content).hexdigest()
    return found


def test_tracked_sample_is_what_the_generator_writes(tmp_path: Path) -> None:
    write_county(tmp_path, persons=220, year=2023, region="330112", seed=1)
    assert contents(SAMPLE) == contents(tmp_path)
    assert sum(f.stat().st_size for f in SAMPLE.rglob("*") if f.is_file()) < 1_000_000
