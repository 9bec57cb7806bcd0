"""The reference tables: pinned headers, local files on top, errors that name file, row and column."""

import csv
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from schemas.reference import (
    Reference,
    ReferenceTableError,
    category_ranks,
    identity_codes,
    identity_words,
    load_reference,
    med_groups,
    ranked_categories,
    reference_hash,
    resolve_region,
)

SHIPPED = Path(__file__).resolve().parents[1] / "data" / "reference"
HEADERS = {
    "income": "region_code,year,kind,amount_yuan,status,source",
    "negative_list": "region_code,item_kind,item_code,item_name,valid_from,valid_to,reason,source",
    "special_disease": "region_code,code_kind,code,name,class,valid_from,valid_to,source",
    "premium_standard": "region_code,insurance_year,tier,amount_yuan,source",
    "med_type": "province,code,group,source",
    "region_alias": "code,stands_for,use,valid_from,valid_to,source",
    "referral_free": "region_code,place_prefix,hosp_lv_max,valid_from,source",
    "identity_label": "policy,label,codes,valid_from,source",
}


@pytest.fixture(scope="module")
def reference() -> Reference:
    return load_reference(SHIPPED, None)


@pytest.mark.parametrize(("name", "header"), HEADERS.items())
def test_pinned_headers(name: str, header: str) -> None:
    assert (SHIPPED / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0] == header


def test_nothing_is_invented(reference: Reference) -> None:
    """What the documents do not give stays empty until a bureau delivers it."""
    for name in ("income", "negative_list", "special_disease", "premium_standard", "referral_free"):
        assert reference.is_empty(name)


def write(folder: Path, name: str, *rows: str) -> None:
    (folder / f"{name}.csv").write_text("\n".join([HEADERS[name], *rows]) + "\n", encoding="utf-8")


def test_a_local_file_adds_and_wins(tmp_path: Path) -> None:
    write(
        tmp_path,
        "med_type",
        "*,41,other,本地改归类",
        "33,7777,outpatient,本地代码",
    )
    write(
        tmp_path,
        "income",
        "330112,2022,urban,72345.6,已公布,统计公报",
        "330112,2023,urban,,to be confirmed,待公布",
    )
    merged = load_reference(SHIPPED, tmp_path)
    shipped = load_reference(SHIPPED, None)
    assert merged["med_type"].height == shipped["med_type"].height + 1
    assert med_groups(merged, "33")["41"] == "other"
    assert med_groups(merged, "33")["7777"] == "outpatient"
    assert "7777" not in med_groups(merged, "50")
    assert merged["income"]["amount_fen"].to_list() == [7_234_560, None]
    assert merged.local == {"med_type", "income"}


def test_a_local_row_wins_where_the_key_has_an_empty_date(tmp_path: Path) -> None:
    write(tmp_path, "identity_label", "L,低保,DIBIAN,,本地口径")
    codes = identity_codes(load_reference(SHIPPED, tmp_path), "L")
    assert codes.filter(pl.col("label") == "低保")["codes"].to_list() == [["DIBIAN"]]


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("income", "330112,2022,urbn,1,x,s", "第2行 kind:只能是 urban、rural"),
        ("income", "33011,2022,urban,1,x,s", "第2行 region_code:须为六位区划代码"),
        ("income", "330112,22,urban,1,x,s", "第2行 year:须为四位年份"),
        ("income", '330112,2022,urban,"7,234",x,s', "第2行 amount_yuan:金额"),
        ("income", "330112,2022,urban,1.005,x,s", "第2行 amount_yuan:金额"),
        ("income", "330112,2022,urban,1,x,", "第2行 source:不能为空"),
        ("negative_list", "330112,item,A1,x,2024/1/1,,r,s", "第2行 valid_from:日期"),
        ("negative_list", "330112,item,A1,x,2024-02-01,2024-01-01,r,s", "valid_to 早于 valid_from"),
        ("identity_label", "L,新用语,DIBOA,,s", "未知的类别 DIBOA"),
        ("med_type", "*,99,inpatiant,s", "第2行 group"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, name: str, row: str, message: str) -> None:
    write(tmp_path, name, row)
    with pytest.raises(ReferenceTableError, match=f"{name}.csv.*{message}"):
        load_reference(SHIPPED, tmp_path)


def test_a_double_key_a_wrong_header_and_an_unknown_file_are_refused(tmp_path: Path) -> None:
    row = "330112,2022,urban,1,x,s"
    write(tmp_path, "income", row, row)
    with pytest.raises(ReferenceTableError, match=r"income.csv:第3行 region_code\+year\+kind:与前面的行重复"):
        load_reference(SHIPPED, tmp_path)
    (tmp_path / "income.csv").write_text("region_code,year,amount\n330112,2022,1\n", encoding="utf-8")
    with pytest.raises(ReferenceTableError, match="表头不符.*kind.*amount"):
        load_reference(SHIPPED, tmp_path)
    (tmp_path / "income.csv").rename(tmp_path / "incomes.csv")
    with pytest.raises(ReferenceTableError, match="incomes.csv:不认识的参考表"):
        load_reference(SHIPPED, tmp_path)


def test_a_gb18030_file_is_refused_with_advice(tmp_path: Path) -> None:
    text = HEADERS["income"] + "\n330112,2022,urban,1,已公布,统计公报\n"
    (tmp_path / "income.csv").write_bytes(text.encode("gb18030"))
    with pytest.raises(ReferenceTableError, match="UTF-8"):
        load_reference(SHIPPED, tmp_path)
    (tmp_path / "income.csv").write_bytes(text.encode("utf-8-sig"))  # as Excel saves it
    assert load_reference(SHIPPED, tmp_path)["income"]["amount_fen"].to_list() == [100]


def test_the_hash_sees_both_folders(tmp_path: Path) -> None:
    alone = reference_hash(SHIPPED, None)
    assert reference_hash(SHIPPED, tmp_path) == alone
    write(tmp_path, "income")
    assert reference_hash(SHIPPED, tmp_path) != alone
    copy = tmp_path / "copy"
    shutil.copytree(SHIPPED, copy)
    assert reference_hash(copy, None) == alone


def test_medical_types(reference: Reference) -> None:
    everywhere = med_groups(reference, "33")
    inpatient = {code for code, group in everywhere.items() if group == "inpatient"}
    assert inpatient == {"21", "22", "23", "24", "25", "26", "52", "54", *(str(c) for c in range(2100, 2200))}
    assert everywhere["41"] == "pharmacy"
    chongqing, hebei = med_groups(reference, "50"), med_groups(reference, "13")
    own = {code for code, group in chongqing.items() if group == "inpatient"} - inpatient
    assert own == {"9902", "9904", "9907", "9921", "9925"}
    assert {code for code, group in hebei.items() if group == "inpatient"} - inpatient == {"9218", "9219"}
    assert "9902" not in everywhere and med_groups(reference, "43")["9902"] == "outpatient"


def test_the_old_code_of_linan_stands_for_the_new_one(reference: Reference) -> None:
    for use in ("insured", "institution", "roster"):
        found = dict(resolve_region(reference, use).select("code", "stands_for").iter_rows())
        assert found["330185"] == "330112"


def mapping(reference: Reference, policy: str) -> dict[str, set[str]]:
    frame = identity_codes(reference, policy)
    return {label: set(codes) for label, codes in frame.select("label", "codes").iter_rows()}


def test_wordings_by_policy(reference: Reference) -> None:
    by_policy = {policy: mapping(reference, policy) for policy in "ZLWP"}
    for policy, labels in by_policy.items():
        assert labels["特困人员"] == labels["农村五保户"] == labels["2304"] == {"TEKUN"}, policy
        assert labels["低边"] == labels["低保边缘户"] == labels["低保边缘家庭成员"] == {"DIBIAN"}
        assert labels["支出型低保"] == {"ZHICHU", "DIBAO"}
        assert labels["支出型低边"] == {"ZHICHU", "DIBIAN"}
        assert labels["支出型"] == {"ZHICHU"}
        assert labels["困难职工"] == {"KUNNAN_ZG"}
        assert labels["稳定脱贫人口"] == labels["1-6级残疾军人"] == set()
        orphan = {"TEKUN"} if policy == "P" else set()
        assert labels["孤儿"] == labels["事实无人抚养儿童"] == labels["城乡孤儿"] == orphan
    bare = identity_codes(reference, "L").filter("bare_expense")["label"].to_list()
    assert "支出型" in bare and "支出型低保" not in bare


def test_wordings_are_known_as_departments_write_them(reference: Reference) -> None:
    labels = mapping(reference, "P")
    for wording in ("城乡重度(一、二级)残疾人员", "城乡重度（1—2级）残疾人员", "城乡重度(1-2级)残疾人员"):
        assert labels[wording] == {"ZHONGCAN"}
    assert labels["城市“三无”人员"] == {"TEKUN"}
    assert labels["1—6级残疾军人"] == set()


def test_the_rank_of_categories(reference: Reference) -> None:
    ranks = category_ranks(reference)
    order = "TEKUN DIBAO FANPIN JIANCE DIBIAN YINBING ZHICHU YOUFU ZHONGCAN LINSHI QITA_TK XD2 DISHOURU XD"
    assert sorted(ranks, key=ranks.__getitem__) == ranked_categories(reference) == order.split()
    # 困难职工 is an identity, named without a rate: never the unique one
    assert "KUNNAN_ZG" in reference["category"]["code"]


def test_a_sibling_policy_without_rows_uses_the_provincial_wordings(reference: Reference) -> None:
    assert mapping(reference, "N") == mapping(reference, "Z")


def test_every_wording_of_the_code_sets_is_known(reference: Reference) -> None:
    sets = [
        "bureau_identity_label",
        "cq_assistance_identity",
        "psn_idet_type",
        "cq_civil_affairs_type_legacy",
    ]
    names = reference["code_set"].filter(
        pl.col("code_set").is_in(sets) & ~pl.col("name_zh").str.contains("细名未查到")
    )
    words = names.select(identity_words(pl.col("name_zh")).explode())["name_zh"].to_list()
    assert len(words) > 70
    for policy in "ZLWP":
        assert set(words) <= set(mapping(reference, policy))


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("特困,低保", ["特困", "低保"]),
        ("特困人员-7131", ["特困人员"]),
        ("低保、低边；孤儿｜监测户/支出型", ["低保", "低边", "孤儿", "监测户", "支出型"]),
        ("城乡重度（一、二级）残疾人员　低保", ["城乡重度(一二级)残疾人员", "低保"]),
        ("在乡重点优抚对象（不含1—6级残疾军人）-7052", ["在乡重点优抚对象(不含1-6级残疾军人)"]),
        ("城市“三无”人员", ["城市三无人员"]),
        ("-", []),
        ("无", []),
        ("", []),
        (None, None),
    ],
)
def test_words_of_an_identity_cell(cell: str | None, words: list[str] | None) -> None:
    frame = pl.DataFrame({"cell": [cell]}, schema={"cell": pl.String})
    assert frame.select(identity_words(pl.col("cell")))["cell"].to_list() == [words]


def test_dates_are_typed_and_blank_cells_are_null(tmp_path: Path) -> None:
    write(tmp_path, "negative_list", "330112,category,B02, 美容 ,2024-02-01,,不合理,区医保局")
    row = load_reference(SHIPPED, tmp_path)["negative_list"].row(0, named=True)
    assert (row["valid_from"], row["valid_to"], row["item_name"]) == (date(2024, 2, 1), None, "美容")


def test_no_cell_of_the_shipped_tables_has_stray_blanks() -> None:
    for path in SHIPPED.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.reader(handle):
                assert all(cell == cell.strip() for cell in row), (path.name, row)
