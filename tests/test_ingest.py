"""Ingest end to end on small files: what is read, what is refused and why, and that nothing is lost."""

from __future__ import annotations

import gzip
import os
import stat
import zipfile
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from ingest_samples import (
    CERT_15,
    CERT_WRONG,
    CERT_X,
    PAYMENT,
    ROSTER,
    SETTLEMENT,
    csv_text,
    rows,
    table_rows,
    write_csv,
    write_xlsx,
)

from stores import ingest as ingest_module
from stores import lake
from stores.errors import OperatorError
from stores.home import Home
from stores.ingest import IngestSummary, ingest, withdraw
from stores.vault import Vault

DAY = date(2024, 1, 5)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    return Home(tmp_path / "home").ensure()


def take(home: Home, received: date = DAY) -> IngestSummary:
    return ingest(home, received=received)


def core(home: Home, table: str) -> pl.DataFrame:
    return lake.scan(home, table, lake.files_in_force(home)).collect().sort("source_row")


def rejects(home: Home) -> pl.DataFrame:
    return lake.rejected(home, lake.files_in_force(home)).collect().sort("source_row")


def only(summary: IngestSummary) -> ingest_module.FileSummary:
    assert len(summary.files) == 1
    return summary.files[0]


def settle(
    home: Home, *changes: dict[str, object], name: str = "结算.csv", encoding: str = "utf-8"
) -> IngestSummary:
    write_csv(home.inbox / name, rows(SETTLEMENT, *changes), encoding)
    return take(home)


def test_a_platform_extract_becomes_parts_with_a_manifest(home: Home) -> None:
    summary = settle(home, {}, {"SETL_ID": "S2", "SETL_TIME": "2022-12-31 23:59:59"})
    file = only(summary)
    assert (file.status, file.table, file.rows, file.n_rejected, file.years) == (
        "read",
        "setl_d",
        2,
        0,
        [2022, 2023],
    )
    assert summary.touched == {("330112", 2022), ("330112", 2023)}
    first = core(home, "setl_d").row(0, named=True)
    assert first["setl_id"] == "S1" and first["source_row"] == 2 and first["cost_year"] == 2023
    assert first["setl_time"] == datetime(2023, 5, 8, 10, 11, 12)
    # 1000.00 = 50 + 0 + 100 + 850; 500 fund (400 + 100) and 500 cash
    assert [first[c] for c in ("tot_fen", "pol_fen", "bas_fen", "maf_fen", "psn_fen", "cash_fen")] == [
        100_000, 85_000, 40_000, 10_000, 50_000, 50_000,
    ]  # fmt: skip
    assert [first[f"form_{x}"] for x in "abcd"] == ["ok", "plain", "plain", "ok"]
    assert first["institution_region"] == "330112"
    manifest = lake.manifests(home)[0]
    assert manifest.control == {"rows": 2, "tot": 200_000, "psn": 100_000, "cash": 100_000}
    assert not list(home.inbox.iterdir())
    assert (home.archive / (manifest.archive_name or "")).is_file()


def test_field_names_of_the_interface_and_any_case(home: Home) -> None:
    names = {
        "INSCP_AMT": "inscp_scp_amt", "PSN_PAY": "psn_part_amt", "CASH_PAYAMT": "psn_cash_pay", "OTHFUND_PAY": "oth_pay",
        "OWNPAY_HOSP_PART": "hosp_part_amt",
    }  # fmt: skip
    row = {names.get(k, k.title()): v for k, v in SETTLEMENT.items()}
    write_csv(home.inbox / "a.csv", [row])
    assert only(take(home)).rejected == {}
    assert core(home, "setl_d")["pol_fen"].to_list() == [85_000]


@pytest.mark.parametrize(
    ("change", "rule", "column"),
    [
        ({"SETL_ID": ""}, "key", "setl_id"),
        ({"CERTNO": "", "PSN_NO": ""}, "person", "certno"),
        ({"CERTNO": "3301**********1234", "PSN_NO": "-"}, "person", "certno"),
        ({"INSUTYPE": "无"}, "code", "insutype"),
        ({"MED_TYPE": ""}, "code", "med_type"),
        ({"REFD_SETL_FLAG": ""}, "code", "refd_setl_flag"),
        ({"SETL_TIME": "2023-02-30 10:00:00"}, "date", "setl_time"),
        ({"SETL_TIME": "0000-00-00"}, "date", "setl_time"),
        ({"ENDDATE": "2023-13-01"}, "date", "enddate"),
        ({"MEDFEE_SUMAMT": "1000.005"}, "amount", "medfee_sumamt"),
        ({"MEDFEE_SUMAMT": "1e3"}, "amount", "medfee_sumamt"),
        ({"CASH_PAYAMT": ""}, "amount", "cash_payamt"),
        ({"FUND_PAY_SUMAMT": "501.00", "HIFP_PAY": "401.00"}, "identity_b", "medfee_sumamt"),
        ({"CASH_PAYAMT": "499.00"}, "identity_c", "psn_pay"),
    ],
)
def test_a_faulty_row_is_rejected_by_its_rule(
    home: Home, change: dict[str, object], rule: str, column: str
) -> None:
    summary = settle(home, {}, {"SETL_ID": "S2"} | change, {"SETL_ID": "S3"})
    assert only(summary).rejected == {rule: 1}
    row = rejects(home).row(0, named=True)
    assert (row["rule"], row["column_name"], row["source_row"]) == (rule, column, 3)
    assert "结算.csv 第 3 行" in row["message_zh"] and CERT_X not in row["message_zh"]
    assert core(home, "setl_d")["source_row"].to_list() == [2, 4]


def test_of_several_faults_the_first_in_order_is_reported(home: Home) -> None:
    worst = {"CERTNO": "", "PSN_NO": "", "SETL_TIME": "x", "MEDFEE_SUMAMT": "x", "CASH_PAYAMT": "1"}
    settle(
        home,
        worst,
        worst | {"PSN_NO": "1"},
        worst | {"PSN_NO": "1", "SETL_TIME": "2023-01-01"},
        {"SETL_ID": "S9"},
    )
    assert rejects(home)["rule"].to_list() == ["person", "date", "amount"]


def test_a_rejected_row_keeps_what_is_readable(home: Home) -> None:
    settle(home, {}, {"SETL_ID": "S2", "CASH_PAYAMT": "499.00"})
    row = rejects(home).row(0, named=True)
    assert row["setl_id"] == "S2" and row["cost_year"] == 2023
    assert row["id_key"] == core(home, "setl_d")["id_key"][0]
    assert lake.manifests(home)[0].rejected_control == {
        "rows": 1,
        "tot": 100_000,
        "psn": 50_000,
        "cash": 49_900,
    }


def test_broken_a_keeps_the_row_with_policy_range_unknown(home: Home) -> None:
    summary = settle(home, {"INSCP_AMT": "851.00"})
    row = core(home, "setl_d").row(0, named=True)
    assert (row["form_a"], row["pol_fen"]) == ("broken", None)
    assert "identity_a" in {f["rule"] for f in only(summary).findings}


def test_a_broken_d_is_a_finding_only(home: Home) -> None:
    summary = settle(home, {"HIFP_PAY": "300.00"})
    assert core(home, "setl_d")["form_d"].to_list() == ["broken"]
    assert "identity_d" in {f["rule"] for f in only(summary).findings}


def test_empty_optional_amounts_are_zero_only_where_the_fund_parts_prove_it(home: Home) -> None:
    settle(home, {"HIFMI_PAY": "", "ACCT_PAY": ""}, {"SETL_ID": "S2", "HIFMI_PAY": "", "HIFP_PAY": "399.00"})
    assert core(home, "setl_d")["cii_fen"].to_list() == [0, None]


def test_account_inside_the_fund_total(home: Home) -> None:
    # 1000 = 600 − 100 + 500; parts 400 + 100 = 600 − 100; 500 = 100 + 400
    settle(home, {"FUND_PAY_SUMAMT": "600.00", "ACCT_PAY": "100.00", "CASH_PAYAMT": "400.00"})
    row = core(home, "setl_d").row(0, named=True)
    assert [row[f"form_{x}"] for x in "bcd"] == ["acct_in_fund", "plain", "ok"]


def test_mutual_account_beside_account_and_cash(home: Home) -> None:
    settle(home, {"ACCT_PAY": "100", "ACCT_MULAID_PAY": "50", "CASH_PAYAMT": "350"})
    assert core(home, "setl_d")["form_c"].to_list() == ["mul"]


def test_certificates_of_one_person_are_one_key(home: Home) -> None:
    texts = [
        CERT_X,
        CERT_X.lower(),
        CERT_15,
        "'" + CERT_X,
        " １１０１０５１９４９１２３１００２Ｘ",
        "110105 19491231 002X",
    ]
    summary = settle(home, *({"SETL_ID": f"S{i}", "CERTNO": t} for i, t in enumerate(texts)))
    assert only(summary).rejected == {}
    assert core(home, "setl_d")["id_key"].n_unique() == 1
    people = core(home, "person")
    assert people["certno_masked"].to_list() == ["110105********002X"]
    assert people.select("birth_year", "sex", "check_ok", "name_masked").row(0) == (1949, "2", True, "张**")


def test_a_wrong_check_digit_is_a_finding_and_masked_with_the_right_one(home: Home) -> None:
    summary = settle(home, {"CERTNO": CERT_WRONG})
    assert only(summary).rejected == {}
    assert ("check_digit", 1) in {(f["rule"], f["count"]) for f in only(summary).findings}
    assert core(home, "person").select("check_ok", "certno_masked").row(0) == (False, "110105********002X")


def test_masked_or_encrypted_certificates_fall_back_to_region_and_number(home: Home) -> None:
    changes = [{"CERTNO": "1101**********002X"}, {"CERTNO": "q83vEjRWeJCrze8SNFZ4kA=="}, {"CERTNO": ""}]
    settle(
        home,
        *({"SETL_ID": f"S{i}"} | c for i, c in enumerate(changes)),
        {"SETL_ID": "S9", "INSU_ADMDVS": "330185"},
    )
    keys = core(home, "setl_d")["id_key"].to_list()
    assert len(set(keys[:3])) == 1 and keys[3] != keys[0]
    assert core(home, "person")["cert_key"].null_count() == 1


def test_an_old_region_code_names_the_same_person(home: Home) -> None:
    settle(home, {"CERTNO": ""}, {"SETL_ID": "S2", "CERTNO": "", "INSU_ADMDVS": "330185"})
    assert core(home, "setl_d")["id_key"].n_unique() == 1
    assert core(home, "setl_d")["insu_admdvs"].to_list() == ["330112", "330185"]


def test_other_certificates_have_a_typed_and_an_untyped_key(home: Home) -> None:
    settle(
        home,
        {"CERTNO": "e12345678", "PSN_CERT_TYPE": "16"},
        {"SETL_ID": "S2", "CERTNO": "E12345678", "PSN_CERT_TYPE": "08"},
    )
    assert core(home, "setl_d")["id_key"].n_unique() == 2
    assert core(home, "person")["untyped_key"].n_unique() == 1


def test_township_of_the_latest_settlement(home: Home) -> None:
    early = {"SETL_TIME": "2023-01-01 00:00:00", "EMP_NAME": "临安区太阳镇白沙村"}
    settle(home, {}, {"SETL_ID": "S2"} | early)
    row = core(home, "person").row(0, named=True)
    assert (row["place_kind"], row["township_codes"], row["village"]) == ("emp_name", "330112102", "大鱼村")


def test_nothing_personal_lies_in_the_open(home: Home) -> None:
    settle(home, {}, {"SETL_ID": "S2", "CASH_PAYAMT": "1"})
    write_csv(home.inbox / "r.csv", rows(ROSTER, {"家庭编号": "JT" + CERT_X}))
    take(home)
    for path in [*home.lake.rglob("*"), *home.rejects.rglob("*")]:
        if path.is_file():
            content = str(pl.read_parquet(path).to_dicts()) if path.suffix == ".parquet" else path.read_text()
            for secret in (CERT_X, "张三丰", "13800000000", "大鱼村1号"):
                assert secret not in content, path
    sealed = next((home.vault / "person").glob("*.sealed"))
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600 and CERT_X.encode() not in sealed.read_bytes()
    people = Vault(home).read("person", lake.files_in_force(home))
    assert {"张三丰"} == set(people["name"]) and CERT_X in people["certno"].to_list()
    assert "13800000000" in people["phone"].to_list()


def test_the_secret_decides_the_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    for number, secret in enumerate(("one", "one", "two")):
        monkeypatch.setenv("FENGDING_SECRET", secret)
        home = Home(tmp_path / str(number)).ensure()
        settle(home, {})
        keys.append(core(home, "setl_d")["id_key"][0])
    assert keys[0] == keys[1] != keys[2]


def test_a_home_without_a_configured_secret_makes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FENGDING_SECRET", raising=False)
    monkeypatch.delenv("FENGDING_SECRET_FILE", raising=False)
    home = Home(tmp_path / "h").ensure()
    secret = home.secret()
    assert home.secret_was_made and stat.S_IMODE((home.vault / "secret.key").stat().st_mode) == 0o600
    again = Home(tmp_path / "h")
    assert again.secret() == secret and not again.secret_was_made
    for zone in ("inbox", "archive", "vault", "exports"):
        assert stat.S_IMODE((home.root / zone).stat().st_mode) == 0o700


def test_the_same_file_twice_is_one_file_with_the_earliest_date(home: Home) -> None:
    settle(home, {})
    write_csv(home.inbox / "again.csv", rows(SETTLEMENT, {}))
    assert only(ingest(home, received=date(2023, 6, 1))).status == "known"
    assert not list(home.inbox.iterdir())
    manifests = lake.manifests(home)
    assert [m.received_on for m in manifests] == [date(2023, 6, 1)]
    assert core(home, "setl_d").height == 1


def test_explicit_paths_are_copied_and_folders_read_whole(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "u盘" / "五月"
    folder.mkdir(parents=True)
    write_csv(folder / "a.csv", rows(SETTLEMENT, {}))
    write_csv(folder / "~$a.csv", rows(SETTLEMENT, {"SETL_ID": "X"}))
    write_csv(folder / ".hidden.csv", rows(SETTLEMENT, {"SETL_ID": "X"}))
    summary = ingest(home, [tmp_path / "u盘"], received=DAY)
    assert [f.name for f in summary.files] == ["a.csv"] and (folder / "a.csv").exists()
    with pytest.raises(OperatorError, match="没有这个文件"):
        ingest(home, [tmp_path / "nowhere"], received=DAY)


def test_dry_run_changes_nothing(home: Home) -> None:
    write_csv(home.inbox / "a.csv", rows(SETTLEMENT, {}, {"SETL_ID": ""}))
    before = sorted((p, p.stat().st_mtime_ns) for p in home.root.rglob("*"))
    summary = ingest(home, received=DAY, dry_run=True)
    assert (only(summary).status, only(summary).rows, only(summary).rejected) == ("would_read", 2, {"key": 1})
    assert summary.dry_run and only(summary).years == [2023]
    assert sorted((p, p.stat().st_mtime_ns) for p in home.root.rglob("*")) == before


def test_a_withdrawn_file_counts_no_more_but_as_of_keeps_it(home: Home) -> None:
    file_id = only(settle(home, {})).file_id or ""
    withdraw(home, file_id, "送错了", date(2024, 2, 1))
    assert lake.files_in_force(home).is_empty()
    assert lake.files_in_force(home, date(2024, 1, 31)).height == 1
    assert lake.files_in_force(home, date(2024, 2, 1)).is_empty()
    assert lake.files_in_force(home, date(2024, 1, 4)).is_empty()
    with pytest.raises(OperatorError, match="已经撤回"):
        withdraw(home, file_id, "x", DAY)
    with pytest.raises(OperatorError, match="没有编号"):
        withdraw(home, "Fnone", "x", DAY)


def test_a_killed_run_leaves_nothing_that_counts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(lake, "write_manifest", killed)
    with pytest.raises(KeyboardInterrupt):
        settle(home, {})
    monkeypatch.undo()
    monkeypatch.setenv("FENGDING_SECRET", "for tests only")
    assert lake.files_in_force(home).is_empty() and len(list(home.inbox.iterdir())) == 1
    assert only(take(home)).status == "read"
    assert core(home, "setl_d").height == 1 and not list(home.inbox.iterdir())
    assert len(list((home.core / "setl_d").rglob("*.parquet"))) == 1


def test_a_part_that_is_missing_on_disk_is_an_error(home: Home) -> None:
    settle(home, {})
    next((home.core / "setl_d").rglob("*.parquet")).unlink()
    with pytest.raises(lake.LakeError, match="缺少分片"):
        lake.scan(home, "setl_d", lake.files_in_force(home))


def test_a_refused_file_stays_and_says_what_is_missing(home: Home) -> None:
    row = {k: v for k, v in SETTLEMENT.items() if k != "MEDFEE_SUMAMT"} | {"奇怪的列": "1"}
    write_csv(home.inbox / "a.csv", [row])
    file = only(take(home))
    assert (
        file.status == "refused"
        and "medfee_sumamt" in (file.message or "")
        and "奇怪的列" in (file.message or "")
    )
    assert (home.inbox / "a.csv").exists()
    assert [m.status for m in lake.manifests(home)] == ["refused"]
    assert lake.files_in_force(home).is_empty()


def test_a_header_that_two_layouts_fit_is_refused(home: Home) -> None:
    row = SETTLEMENT | {"BKKP_SN": "1", "MED_LIST_CODG": "X", "DET_ITEM_FEE_SUMAMT": "1"}
    write_csv(home.inbox / "a.csv", [row])
    file = only(take(home))
    assert file.status == "refused" and "分不清" in (file.message or "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_encodings_and_separators(home: Home, encoding: str, separator: str) -> None:
    write_csv(home.inbox / "a.txt", rows(SETTLEMENT, {}), encoding, separator)
    assert only(take(home)).rejected == {}
    assert Vault(home).read("person")["name"].to_list() == ["张三丰"]


def test_a_long_ascii_start_before_gb18030(home: Home) -> None:
    table = rows(
        SETTLEMENT,
        *({"SETL_ID": f"S{i}", "PSN_NAME": "A", "FIXMEDINS_NAME": "B", "EMP_NAME": ""} for i in range(2000)),
    )
    table.append(SETTLEMENT | {"SETL_ID": "L"})
    write_csv(home.inbox / "a.csv", table, "gb18030")
    assert only(take(home)).rejected == {} and core(home, "setl_d").height == 2001
    assert "张三丰" in Vault(home).read("person")["name"].to_list()


def test_stray_bytes_lose_no_row(home: Home) -> None:
    raw = csv_text(rows(SETTLEMENT, {}, {"SETL_ID": "S2"})).encode("gb18030")
    (home.inbox / "a.csv").write_bytes(raw.replace("临安区".encode("gb18030"), b"\x80\xff\x80", 1))
    file = only(take(home))
    assert file.rows == 2 and file.n_rejected == 0 and "encoding" in {f["rule"] for f in file.findings}


def test_gz_and_zip_members(home: Home) -> None:
    (home.inbox / "a.csv.gz").write_bytes(gzip.compress(csv_text(rows(SETTLEMENT, {})).encode()))
    with zipfile.ZipFile(home.inbox / "b.zip", "w") as archive:
        archive.writestr("结算.csv", csv_text(rows(SETTLEMENT, {"SETL_ID": "S2"})))
        archive.writestr("__MACOSX/x.csv", "junk")
        archive.writestr("支付.csv", csv_text(rows(PAYMENT, {})))
    summary = take(home)
    assert sorted((f.name, f.status) for f in summary.files) == [
        ("a.csv.gz", "read"), ("b.zip/支付.csv", "read"), ("b.zip/结算.csv", "read"),
    ]  # fmt: skip
    assert core(home, "setl_d").height == 2 and not list(home.inbox.iterdir())


def test_the_same_content_packed_or_not_is_one_file(home: Home) -> None:
    text = csv_text(rows(SETTLEMENT, {})).encode()
    (home.inbox / "a.csv").write_bytes(text)
    (home.inbox / "b.csv.gz").write_bytes(gzip.compress(text))
    assert sorted(f.status for f in take(home).files) == ["known", "read"]


def test_title_rows_totals_and_notes_around_a_roster(home: Home) -> None:
    body = table_rows(rows(ROSTER, {}, {"姓名": "小宝", "身份证号": "", "出生日期": "2023-03-01"}))
    write_xlsx(
        home.inbox / "名册.xlsx",
        {"名册": [["某区救助对象名册"], [], *body, [], ["合计", "", "", "2"], ["填表人：王某"]]},
    )
    file = only(take(home))
    assert (file.rows, file.n_rejected) == (2, 0)
    assert ("notes", 2) in {(f["rule"], f["count"]) for f in file.findings}
    roster = core(home, "roster")
    assert roster["source_row"].to_list() == [4, 5]
    assert roster["has_certificate"].to_list() == [True, False]
    assert roster["head_key"].to_list() == [roster["id_key"][0]] * 2


def test_repeated_header_and_empty_row_within_the_data(home: Home) -> None:
    body = table_rows(rows(ROSTER, {}, {"家庭编号": "H2"}))
    write_xlsx(home.inbox / "名册.xlsx", {"名册": [body[0], body[1], body[0], [], body[2], [], []]})
    file = only(take(home))
    assert file.rejected == {"header": 1, "empty_row": 1} and file.rows == 4
    assert rejects(home).select("source_row", "rule").rows() == [(3, "header"), (4, "empty_row")]


@pytest.mark.parametrize(("given", "expected"), [("H001", "H001"), ("JT" + CERT_X, None), ("", None)])
def test_household_numbers_never_show_a_certificate(home: Home, given: str, expected: str | None) -> None:
    write_csv(home.inbox / "r.csv", rows(ROSTER, {"家庭编号": given}))
    take(home)
    household = core(home, "roster")["household_id"][0]
    assert household == expected if expected else (household.startswith("H") and len(household) == 14)


def test_a_household_without_number_and_head_has_none(home: Home) -> None:
    write_csv(home.inbox / "r.csv", rows(ROSTER, {"家庭编号": "", "户主身份证号": ""}))
    take(home)
    assert core(home, "roster")["household_id"].to_list() == [None]


def test_labels_are_split_and_stripped_of_suffixes(home: Home) -> None:
    write_csv(
        home.inbox / "r.csv",
        rows(ROSTER, {"救助身份": "特困人员-7131、低保对象，在乡重点优抚对象（不含1-6级残疾军人）"}),
    )
    take(home)
    labels = core(home, "roster")["labels"][0].to_list()
    assert labels == ["特困人员", "低保对象", "在乡重点优抚对象(不含1-6级残疾军人)"]


def test_a_category_from_a_wrong_sender_is_rejected(home: Home) -> None:
    write_csv(
        home.inbox / "r.csv", rows(ROSTER, {"区划代码": "500243"}, {"区划代码": "500243", "认定部门": "残联"})
    )
    only_civil = {"低保对象": frozenset({"民政"})}
    summary = ingest(
        home, received=DAY, senders=lambda region, word: only_civil.get(word) if region == "500243" else None
    )
    assert only(summary).rejected == {"wrong_sender": 1}
    assert rejects(home)["source_row"].to_list() == [3]


def test_payments(home: Home) -> None:
    write_csv(home.inbox / "p.csv", rows(PAYMENT, {}, {"流水号": "L2", "待遇类别": "慈善", "支付单位": "共富基金", "说明": ""},
                                         {"流水号": "L3", "待遇类别": "不明"}))  # fmt: skip
    assert only(take(home)).rejected == {"code": 1}
    table = core(home, "payment")
    assert table["amount_fen"].to_list() == [12_050, 12_050]
    assert table.select("says_medical", "names_fund").rows() == [(True, False), (False, True)]


def test_ids_that_excel_turned_into_numbers_are_refused(home: Home) -> None:
    body = table_rows(rows(ROSTER, {}))
    body[1][body[0].index("身份证号")] = 330112199001011234
    write_xlsx(home.inbox / "名册.xlsx", {"名册": body})
    file = only(take(home))
    assert file.status == "refused"
    assert all(word in (file.message or "") for word in ("身份证号", "第 2 行", "文本"))


def test_scientific_ids_in_text_files_are_refused(home: Home) -> None:
    settle_file = settle(home, {}, {"CERTNO": "3.30E+17"})
    message = only(settle_file).message or ""
    assert only(settle_file).status == "refused" and "certno" in message.lower() and "第 3 行" in message


def test_numbers_in_code_and_short_id_columns_are_fine(home: Home) -> None:
    body = table_rows(rows(ROSTER, {}))
    for name, value in (("区划代码", 330112.0), ("家庭编号", 1201), ("名单月份", 202301)):
        body[1][body[0].index(name)] = value
    write_xlsx(home.inbox / "名册.xlsx", {"名册": body})
    assert only(take(home)).rejected == {}
    assert core(home, "roster").select("region_code", "household_id", "list_month").row(0) == (
        "330112",
        "1201",
        202301,
    )


def test_hidden_sheets_are_read_and_said(home: Home) -> None:
    write_xlsx(home.inbox / "名册.xlsx", {"一": table_rows(rows(ROSTER, {})), "二": table_rows(rows(ROSTER, {"家庭编号": "H2"})),
                                        "说明": [["本表由民政局填写"]]}, hidden=["二"])  # fmt: skip
    file = only(take(home))
    assert file.rows == 2 and {"hidden", "sheet"} <= {f["rule"] for f in file.findings}
    assert set(core(home, "roster")["sheet"]) == {"一", "二"}


def test_date_cells_and_float_cells_of_a_workbook(home: Home) -> None:
    body = table_rows(rows(PAYMENT, {}))
    body[1][body[0].index("支付日期")] = datetime(2023, 6, 1)
    body[1][body[0].index("金额")] = 170.7
    body[1][body[0].index("费用年度")] = 2023
    write_xlsx(home.inbox / "p.xlsx", {"p": body})
    assert only(take(home)).rejected == {}
    assert core(home, "payment").select("paid_on", "amount_fen", "cost_year").row(0) == (
        date(2023, 6, 1),
        17_070,
        2023,
    )


def test_rows_with_more_cells_than_the_header_are_rejected_not_shifted(home: Home) -> None:
    lines = csv_text(rows(SETTLEMENT, {}, {"SETL_ID": "S2"}, {"SETL_ID": "S3"})).splitlines()
    lines[2] = lines[2].replace("临安区人民医院", "临安区,人民医院")
    (home.inbox / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    file = only(take(home))
    assert file.rejected == {"header": 1} and file.rows == 3
    assert core(home, "setl_d")["setl_id"].to_list() == ["S1", "S3"]


def test_a_quote_that_is_never_closed_swallows_nothing(home: Home) -> None:
    lines = csv_text(rows(SETTLEMENT, *({"SETL_ID": f"S{i}"} for i in range(30)))).splitlines()
    lines[5] = lines[5].replace("张三丰", '"张三丰')
    (home.inbox / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    file = only(take(home))
    assert (file.rows, file.n_rejected) == (30, 0)


def test_quoted_cells_may_hold_separators_and_line_ends(home: Home) -> None:
    write_csv(home.inbox / "a.csv", rows(SETTLEMENT, {"FIXMEDINS_NAME": "甲,乙\n医院"}, {"SETL_ID": "S2"}))
    assert only(take(home)).rejected == {}
    assert core(home, "setl_d")["source_row"].to_list() == [2, 3]


def test_parquet_of_a_platform_table(home: Home) -> None:
    frame = pl.DataFrame(rows(SETTLEMENT, {})).with_columns(
        pl.col("MEDFEE_SUMAMT").cast(pl.Decimal(16, 2)),
        pl.col("SETL_TIME").str.to_datetime(),
        pl.col("YEAR").cast(pl.Int32),
    )
    frame.write_parquet(home.inbox / "a.parquet")
    assert only(take(home)).rejected == {}
    assert core(home, "setl_d")["tot_fen"].to_list() == [100_000]


def test_parts_by_region_and_year(home: Home) -> None:
    settle(
        home, {}, {"SETL_ID": "S2", "INSU_ADMDVS": "../../x"}, {"SETL_ID": "S3", "SETL_TIME": "2022-01-01"}
    )
    parts = [p for p in lake.manifests(home)[0].parts if p["table"] == "setl_d"]
    assert sorted((p["region"], p["cost_year"], p["rows"]) for p in parts) == [
        ("../../x", 2023, 1), ("330112", 2022, 1), ("330112", 2023, 1),
    ]  # fmt: skip
    assert all((home.lake / p["path"]).resolve().is_relative_to(home.core) for p in parts)
    files = lake.files_in_force(home)
    assert lake.scan(home, "setl_d", files, 2022).collect().height == 1


def test_an_unreadable_file_is_refused(home: Home) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    write_csv(home.inbox / "a.csv", rows(SETTLEMENT, {})).chmod(0)
    assert only(take(home)).status == "refused"
