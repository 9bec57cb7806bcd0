"""What a delivered table holds before it becomes a core table: fields, their kinds, and what a row must show.

Kinds: `id` (text that never passes through a number), `cert` (certificate number), `code` (short text from a code
set), `sign` (a code of one sign, of which - and + mean something), `text` (open text), `person` (name), `date`,
`datetime`, `amount` (yuan, two decimals), `month` (YYYYMM),
`period` and `period_end` (a date, or a month YYYYMM: its first or last day),
`integer`, `quantity` (number with any decimals). Which header stands for a field is a matter of the layouts
(`schemas.layouts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PERSON_ALTERNATIVE = "certno|psn_no"


@dataclass(frozen=True)
class SourceTable:
    """A delivered table: its Chinese name, fields by kind, and the values that each row must show."""

    name: str
    title_zh: str
    fields: Mapping[str, str]
    values: tuple[str, ...]
    """Fields that a row must fill; `a|b` means one of them."""
    open_in_counter: tuple[str, ...] = ()
    """Those of them that a counter export may leave unknown: a rule that needs one is held, the row counts."""


def _fields(**kinds: str) -> dict[str, str]:
    return {field: kind for kind, names in kinds.items() for field in names.split()}


_TABLES = (
    SourceTable(
        "setl_d",
        "结算信息",
        _fields(
            id="setl_id mdtrt_id init_setl_id psn_no emp_no fixmedins_code dise_no",
            cert="certno",
            person="psn_name",
            code="psn_cert_type gend insutype insu_admdvs fix_blng_admdvs hosp_lv med_type setl_type refd_setl_flag"
            " vali_flag out_flag mid_setl_flag manl_reim_rea nwb_flag sp_psn_type pay_loc refl_stas",
            text="emp_name fixmedins_name dise_name town_name village_name",
            date="brdy begndate enddate",
            datetime="setl_time updt_time",
            integer="year",
            amount="medfee_sumamt fulamt_ownpay_amt overlmt_selfpay preselfpay_amt inscp_amt act_pay_dedc hifp_pay"
            " cvlserv_pay hifes_pay hifmi_pay hifob_pay hifdm_pay maf_pay othfund_pay fund_pay_sumamt psn_pay"
            " acct_pay cash_payamt acct_mulaid_pay ownpay_hosp_part tilt_pay com_pay aid_pay",
        ),
        ("setl_id", PERSON_ALTERNATIVE, "insutype", "insu_admdvs", "fixmedins_code", "med_type", "setl_time")
        + ("medfee_sumamt", "psn_pay"),
        open_in_counter=("insutype", "fixmedins_code", "med_type"),
    ),
    SourceTable(
        "fee_list_d",
        "费用明细",
        _fields(
            id="bkkp_sn setl_id mdtrt_id psn_no med_list_codg fixmedins_code",
            code="chrgitm_lv list_type med_chrgitm_type hi_nego_drug_flag prcu_drug_flag",
            text="hilist_name",
            date="fee_ocur_time",
            quantity="cnt pric",
            amount="det_item_fee_sumamt fulamt_ownpay_amt overlmt_selfpay preselfpay_amt inscp_amt",
        ),
        ("setl_id", "bkkp_sn", "med_list_codg", "det_item_fee_sumamt"),
    ),
    SourceTable(
        "setl_diag_list_d",
        "结算诊断",
        _fields(
            id="mdtrt_id psn_no diag_code",
            code="maindiag_flag inout_diag_type",
            text="diag_name",
            integer="diag_srt_no",
        ),
        ("mdtrt_id", "diag_code"),
    ),
    SourceTable(
        "psn_info_b",
        "人员基本信息",
        _fields(
            id="psn_no resdbook_no",
            cert="certno",
            person="psn_name",
            code="psn_cert_type gend surv_stas",
            text="hsreg_addr live_addr tel mob",
            date="brdy die_date",
            datetime="updt_time",
        ),
        ("psn_no", "psn_name"),
    ),
    SourceTable(
        "psn_insu_d",
        "人员参保信息",
        _fields(
            id="psn_no",
            cert="certno",
            code="insutype psn_insu_stas insu_admdvs",
            date="crt_insu_date paus_insu_date psn_insu_date",
            datetime="updt_time",
        ),
        ("psn_no", "insutype", "psn_insu_stas", "insu_admdvs"),
    ),
    SourceTable(
        "rsdt_psn_clct_detl_d",
        "居民缴费明细",
        _fields(
            id="psn_no",
            cert="certno",
            code="clct_flag clct_grde insu_admdvs psn_idet_type",
            sign="revs_flag",
            period="accrym_begn",
            period_end="accrym_end",
            datetime="clct_time updt_time",
            amount="psn_clct_amt finsubs_amt",
        ),
        (PERSON_ALTERNATIVE, "accrym_begn", "accrym_end", "clct_flag"),
    ),
    SourceTable(
        "fixmedins_b",
        "定点医药机构",
        _fields(
            id="fixmedins_code",
            text="fixmedins_name",
            code="fix_blng_admdvs fixmedins_type hosp_lv town_code vali_flag",
            date="begntime endtime",
            datetime="updt_time",
        ),
        ("fixmedins_code", "begntime"),
    ),
    SourceTable(
        "refl_appy_evt_c",
        "转诊转院申请",
        _fields(
            id="psn_no mdtrt_id setl_id",
            cert="certno",
            code="refl_setl_flag first_at_base vali_flag",
            date="refl_date begndate enddate",
            datetime="updt_time",
        ),
        (PERSON_ALTERNATIVE,),
    ),
    SourceTable(
        "out_appy_d",
        "异地就医备案",
        _fields(
            id="psn_no trafout_fixmedins_code",
            cert="certno",
            code="rloc_admdvs rloc_rea vali_flag insu_admdvs",
            date="begndate enddate",
            datetime="updt_time",
        ),
        (PERSON_ALTERNATIVE, "begndate"),
    ),
    SourceTable(
        "opsp_reg",
        "慢特病备案",
        _fields(
            id="psn_no opsp_dise_code",
            cert="certno",
            text="opsp_dise_name",
            code="insu_admdvs vali_flag",
            date="begndate enddate",
            datetime="updt_time",
        ),
        (PERSON_ALTERNATIVE, "opsp_dise_code", "begndate"),
    ),
    SourceTable(
        "roster",
        "救助对象名册",
        _fields(
            id="household_id certificate_no",
            cert="head_certno certno",
            person="name",
            code="region_code relation department list_kind township_code hsreg_region",
            text="labels township_name village phone address reason",
            date="birth_date valid_from valid_to",
            month="list_month",
        ),
        ("region_code", "name", "certno", "labels", "valid_from"),
    ),
    SourceTable(
        "payment",
        "其他保障待遇",
        _fields(
            id="serial setl_id",
            cert="certno",
            person="name",
            code="kind",
            text="payer note",
            date="paid_on",
            integer="cost_year",
            amount="amount",
        ),
        ("certno", "kind", "paid_on", "cost_year", "amount"),
    ),
    SourceTable(
        "paid_ledger",
        "已付台账",
        _fields(
            id="serial benefit_id rule_id object_id",
            date="paid_on",
            integer="cost_year",
            amount="amount",
        ),
        ("benefit_id|rule_id", "benefit_id|object_id", "benefit_id|cost_year", "paid_on", "amount"),
    ),
    SourceTable(
        "declaration",
        "补充申报",
        _fields(
            cert="certno",
            person="name",
            code="declarant_kind region_code",
            date="declared_on",
            text="reason",
        ),
        ("certno", "declarant_kind", "region_code", "declared_on"),
    ),
    SourceTable(
        "feedback",
        "走访反馈",
        _fields(
            id="warning_id issue_no",
            person="visitor",
            code="outcome",
            text="measure why",
            date="visited_on closed_on",
            amount="aid",
        ),
        ("warning_id",),
    ),
    SourceTable(
        "decision",
        "审核决定",
        _fields(
            id="object_id",
            code="object_kind verdict",
            person="decided_by",
            text="value reason",
            date="decided_on revoked_on",
            integer="cost_year",
        ),
        ("object_kind", "object_id", "verdict", "reason", "decided_by", "decided_on"),
    ),
    SourceTable(
        "payee",
        "收款账户",
        _fields(
            id="household_id account",
            cert="certno holder_certno",
            person="holder_name",
            text="bank",
            code="relation",
            date="valid_from valid_to",
        ),
        ("household_id|certno", "holder_name", "bank", "account", "valid_from"),
    ),
    SourceTable(
        "fund_ledger",
        "基金台账",
        _fields(
            id="serial",
            text="fund note",
            code="flow source_kind region_code",
            date="booked_on",
            integer="year",
            amount="amount",
        ),
        ("fund", "flow", "year", "amount"),
    ),
    SourceTable(
        "subsidy_ledger",
        "资助参保台账",
        _fields(
            cert="certno",
            text="source label",
            code="tier region_code",
            date="subsidised_on",
            integer="insurance_year",
            amount="standard amount",
        ),
        ("certno", "insurance_year", "amount"),
    ),
    SourceTable(
        "opening_balance",
        "已用额度",
        _fields(cert="certno", code="account", date="as_of", integer="year", amount="amount"),
        ("certno", "account", "year", "as_of", "amount"),
    ),
    SourceTable(
        "consent",
        "数据授权",
        _fields(
            cert="certno",
            person="name",
            code="agreed region_code",
            text="scope",
            date="agreed_on valid_to revoked_on",
        ),
        ("certno", "agreed", "agreed_on"),
    ),
    SourceTable(
        "supplementary_cover",
        "惠民保参保",
        _fields(
            cert="certno",
            person="name",
            code="region_code",
            text="product insurer",
            date="insured_on",
            period="valid_from",
            period_end="valid_to",
            integer="cover_year",
            amount="premium",
        ),
        ("certno", "cover_year|valid_from"),
    ),
    SourceTable(
        "waiting_rejection",
        "等待期拒付",
        _fields(
            id="psn_no setl_id fixmedins_code",
            cert="certno",
            person="name",
            code="insu_admdvs",
            text="gap_reason",
            date="rejected_on gap_from gap_to waiting_to",
            integer="waiting_days",
            amount="amount",
        ),
        (PERSON_ALTERNATIVE, "rejected_on"),
    ),
    SourceTable(
        "application",
        "救助申请",
        _fields(
            id="serial",
            cert="certno",
            person="name",
            code="region_code",
            text="aid_kind outcome",
            date="applied_on accepted_on reviewed_on decided_on paid_on",
            amount="amount",
        ),
        ("certno", "applied_on"),
    ),
    SourceTable(
        "deposit",
        "押金",
        _fields(
            id="serial psn_no setl_id mdtrt_id fixmedins_code",
            cert="certno",
            person="name",
            text="fixmedins_name",
            date="admitted_on taken_on refunded_on",
            amount="amount",
        ),
        (PERSON_ALTERNATIVE, "amount"),
    ),
    SourceTable(
        "deceased",
        "死亡名单",
        _fields(
            cert="certno",
            person="name",
            code="sender region_code",
            date="died_on cancelled_on cremated_on",
        ),
        ("certno", "died_on"),
    ),
)
SOURCES: dict[str, SourceTable] = {table.name: table for table in _TABLES}
