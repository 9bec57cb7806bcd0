"""Small delivered files for the ingest tests: rows as dicts of text, written the way departments write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

# certificate numbers worked out by hand: 17 digits, weights 7 9 10 5 8 4 2 1 6 3 7 9 10 5 8 4 2, sum mod 11
CERT_X = "11010519491231002X"  # the example of GB 11643-1999
CERT_15 = "110105491231002"  # the same person before 1999
CERT_WRONG = "110105194912310021"  # the same digits with a wrong check digit

SETTLEMENT: dict[str, Any] = {
    "SETL_ID": "S1", "MDTRT_ID": "M1", "INIT_SETL_ID": "", "PSN_NO": "33010000000000000001", "PSN_NAME": "张三丰",
    "PSN_CERT_TYPE": "01", "CERTNO": CERT_X, "GEND": "2", "BRDY": "1949-12-31", "INSUTYPE": "390",
    "INSU_ADMDVS": "330112", "EMP_NAME": "高虹镇大鱼村", "FIXMEDINS_CODE": "H33011200001",
    "FIXMEDINS_NAME": "临安区人民医院", "FIX_BLNG_ADMDVS": "", "HOSP_LV": "05", "BEGNDATE": "2023-05-01",
    "ENDDATE": "2023-05-08", "SETL_TIME": "2023-05-08 10:11:12", "MED_TYPE": "21", "SETL_TYPE": "2",
    "MEDFEE_SUMAMT": "1000.00", "FULAMT_OWNPAY_AMT": "50.00", "OVERLMT_SELFPAY": "0", "PRESELFPAY_AMT": "100.00",
    "INSCP_AMT": "850.00", "ACT_PAY_DEDC": "300.00", "HIFP_PAY": "400.00", "CVLSERV_PAY": "0", "HIFES_PAY": "0",
    "HIFMI_PAY": "0", "HIFOB_PAY": "0", "HIFDM_PAY": "0", "MAF_PAY": "100.00", "OTHFUND_PAY": "0",
    "FUND_PAY_SUMAMT": "500.00", "PSN_PAY": "500.00", "ACCT_PAY": "0", "CASH_PAYAMT": "500.00",
    "ACCT_MULAID_PAY": "0", "OWNPAY_HOSP_PART": "0", "REFD_SETL_FLAG": "0", "VALI_FLAG": "1", "YEAR": "2023",
    "UPDT_TIME": "2023-05-09 01:00:00",
}  # fmt: skip
ROSTER: dict[str, Any] = {
    "区划代码": "330112", "家庭编号": "H001", "户主身份证号": CERT_X, "姓名": "张三丰", "身份证号": CERT_X,
    "出生日期": "1949-12-31", "与户主关系": "户主", "救助身份": "低保对象", "证件编号": "Z1", "生效日期": "2023-01-01",
    "失效日期": "", "乡镇街道代码": "330112102", "乡镇街道": "高虹镇", "村社区": "大鱼村", "联系电话": "13800000000",
    "住址": "高虹镇大鱼村1号", "认定部门": "民政", "名单类型": "在册", "名单月份": "202301", "减少原因": "",
    "户籍区划代码": "330112",
}  # fmt: skip
PAYMENT: dict[str, Any] = {
    "流水号": "L1", "身份证号": CERT_X, "姓名": "张三丰", "结算ID": "S1", "待遇类别": "惠民保", "金额": "120.50",
    "支付日期": "2023-06-01", "费用年度": "2023", "支付单位": "某承保公司", "说明": "医疗费用补偿",
}  # fmt: skip


def rows(base: dict[str, Any], *changes: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a change, each the base row with that change."""
    return [base | change for change in changes]


def csv_text(table: Sequence[dict[str, Any]], separator: str = ",") -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(table[0]), delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def write_csv(
    path: Path, table: Sequence[dict[str, Any]], encoding: str = "utf-8", separator: str = ","
) -> Path:
    path.write_bytes(csv_text(table, separator).encode(encoding))
    return path


def write_xlsx(path: Path, sheets: dict[str, list[list[Any]]], hidden: Sequence[str] = ()) -> Path:
    book = xlsxwriter.Workbook(str(path), {"strings_to_numbers": False, "default_date_format": "yyyy-mm-dd"})
    for name, content in sheets.items():
        sheet = book.add_worksheet(name)
        if name in hidden:
            sheet.hide()
        for r, row in enumerate(content):
            for c, cell in enumerate(row):
                if cell is not None and cell != "":
                    sheet.write(r, c, cell)
    book.close()
    return path


def table_rows(table: Sequence[dict[str, Any]]) -> list[list[Any]]:
    return [list(table[0]), *(list(row.values()) for row in table)]
