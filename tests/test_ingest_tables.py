"""The other delivered tables: counter exports with labels and derivations, ledgers, decisions, forms sent back."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from ingest_samples import CERT_X, write_csv

from stores import lake
from stores.home import Home
from stores.ingest import ingest
from stores.vault import Vault

DAY = date(2024, 1, 5)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    return Home(tmp_path / "home").ensure()


def read(home: Home, table: str, *rows: dict[str, str]) -> pl.DataFrame:
    write_csv(home.inbox / "a.csv", list(rows), "gb18030")
    (file,) = ingest(home, received=DAY).files
    assert (file.status, file.table, file.rejected) == ("read", table, {}), file.message
    return lake.scan(home, table, lake.files_in_force(home)).collect().sort("source_row")


def test_chongqing_summary(home: Home) -> None:
    row = read(home, "setl_d", {
        "医保分类": "住院", "清算期": "202306", "费款所属期": "202306", "结算id": "C1", "认定地": "彭水县", "镇街": "汉葭街道",
        "参保地": "彭水县", "参保类别": "居民", "身份证号": CERT_X, "姓名": "张三丰", "救助身份": "特困人员-7131", "就诊地": "彭水县",
        "就诊医疗机构名称": "彭水县人民医院", "医保就诊类别": "普通住院", "医疗救助类别": "住院", "病种编码": "", "病种名称": "",
        "入院日期": "2023-06-01", "出院日期": "2023-06-09", "结算日期": "2023-06-09", "费用总额": "1,000.00",
        "符合医保报销金额": "800", "基本医疗保险报销金额": "500", "大病报销金额": "--", "大额报销金额": "", "进入医疗救助金额": "300",
        "医疗救助": "200", "倾斜救助": "10", "扶贫济困金额（元）": "0", "渝快保支出金额（元）": "30", "个人账户支付金额（元）": "50",
        "个人现金支付金额（元）": "250",
    }).row(0, named=True)  # fmt: skip
    # psn = 50 + 250, fund = 1000 − 300; 500 + 200 = 700, so the two empty parts are 0
    assert [row[f"{n}_fen"] for n in ("psn", "fund", "cii", "tilt", "com")] == [
        30_000,
        70_000,
        0,
        1_000,
        3_000,
    ]
    assert (row["insutype"], row["med_type"], row["insu_admdvs"]) == ("390", "21", "500243")
    assert (row["institution_code"], row["setl_id"]) == ("彭水县人民医院", "C1")
    person = lake.scan(home, "person", lake.files_in_force(home)).collect().row(0, named=True)
    assert (person["place_kind"], person["township_codes"]) == ("counter", "=500243001")


def test_a_paid_ledger_hides_certificate_numbers(home: Home) -> None:
    base = {
        "流水号": "1",
        "待遇编号": "",
        "规则": "L-04",
        "对象编号": "H1/DIBAO",
        "费用年度": "2023",
        "金额": "-120",
        "支付日期": "2024-03-01",
    }
    table = read(
        home,
        "paid_ledger",
        base,
        base | {"对象编号": CERT_X},
        base | {"待遇编号": "B1", "规则": "", "对象编号": "", "费用年度": ""},
    )
    assert table["object_id"][0] == "H1/DIBAO" and table["amount_fen"][0] == -12_000
    assert table["object_id"][1].startswith("P") and table["object_key"].null_count() == 2


def test_decisions(home: Home) -> None:
    base = {"对象类型": "家庭", "对象编号": "H1", "费用年度": "2023", "决定": "合并家庭", "取值": "H2", "理由": f"同一户，见{CERT_X}",
            "决定人": "李科长", "决定日期": "2024-02-01", "撤销日期": ""}  # fmt: skip
    table = read(home, "decision", base, base | {"对象类型": "人员", "对象编号": CERT_X})
    assert table["value"].to_list() == ["H2", "H2"] and table["object_id"][1].startswith("P")
    assert "reason" not in table.columns and CERT_X not in table.write_json()
    sealed = Vault(home).read("decision")
    assert sealed["reason"].to_list() == [f"同一户,见{CERT_X}"] * 2 and sealed["decided_by"][0] == "李科长"


def test_payees_are_sealed(home: Home) -> None:
    base = {"家庭编号": "H1", "账户户名": "张三丰", "账户身份证号": CERT_X, "开户银行": "农商银行", "账号": "6228480000000000001",
            "生效日期": "2023-01-01", "失效日期": "", "与对象关系": "户主"}  # fmt: skip
    table = read(home, "payee", base)
    assert table.columns == [
        "file_id",
        "sheet",
        "source_row",
        "household_id",
        "id_key",
        "valid_from",
        "valid_to",
        "relation",
    ]
    sealed = Vault(home).read("payee", lake.files_in_force(home)).row(0, named=True)
    assert (sealed["holder_name"], sealed["account"], sealed["bank"]) == (
        "张三丰",
        "6228480000000000001",
        "农商银行",
    )


def test_a_form_that_nobody_filled_in_is_no_answer(home: Home) -> None:
    base = {
        "预警编号": "W1",
        "姓名": "张三丰",
        "走访日期": "",
        "走访人": "",
        "核实结果": "",
        "帮扶措施": "",
        "帮扶金额": "",
        "办结日期": "",
    }
    table = read(
        home,
        "feedback",
        base,
        base | {"预警编号": "W2", "走访日期": "2024-01-03", "核实结果": "属实", "帮扶金额": "500"},
    )
    assert table.select("warning_id", "outcome", "aid_fen").rows() == [("W2", "属实", 50_000)]


def test_people_and_their_end(home: Home) -> None:
    read(home, "psn_info_b", {
        "PSN_NO": "1", "PSN_NAME": "张三丰", "PSN_CERT_TYPE": "01", "CERTNO": CERT_X, "SURV_STAS": "2", "DIE_DATE": "2023-08-01",
        "LIVE_ADDR": "临安区高虹镇大鱼村1号", "MOB": "13800000000",
    })  # fmt: skip
    person = lake.scan(home, "person", lake.files_in_force(home)).collect().row(0, named=True)
    assert (person["dead"], person["died_on"], person["place_kind"]) == (True, date(2023, 8, 1), "live_addr")
    assert (person["township_codes"], person["village"]) == ("=330112102", "大鱼村")
