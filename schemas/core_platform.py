"""Core tables made of the platform's extracts and of what they show of people (see `schemas.core`)."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

AMOUNTS: dict[str, str] = {
    "tot_fen": "medfee_sumamt 医疗费总额",
    "ooc_fen": "fulamt_ownpay_amt 全自费金额",
    "ovl_fen": "overlmt_selfpay 超限价自费费用",
    "pre_fen": "preselfpay_amt 先行自付金额",
    "pol_fen": "inscp_amt 符合政策范围金额",
    "ded_fen": "act_pay_dedc 实际支付起付线",
    "bas_fen": "hifp_pay 基本医疗统筹基金支出",
    "civ_fen": "cvlserv_pay 公务员医疗补助支出",
    "ent_fen": "hifes_pay 企业补充支出",
    "cii_fen": "hifmi_pay 居民大病保险支出",
    "lrg_fen": "hifob_pay 职工大额支出",
    "dis_fen": "hifdm_pay 伤残人员医疗保障支出",
    "maf_fen": "maf_pay 医疗救助基金支出",
    "oth_fen": "othfund_pay 其他基金支付",
    "fund_fen": "fund_pay_sumamt 基金支付总额",
    "psn_fen": "psn_pay 个人支付",
    "acct_fen": "acct_pay 个人账户支出",
    "cash_fen": "cash_payamt 现金支付",
    "mul_fen": "acct_mulaid_pay 账户共济支付",
    "hosp_fen": "ownpay_hosp_part 医院负担金额",
    "tilt_fen": "tilt_pay 倾斜救助",
    "com_fen": "com_pay 渝快保等补充保险",
    "aid_fen": "aid_pay 扶贫济困",
}
FUND_PARTS = ("bas_fen", "civ_fen", "ent_fen", "cii_fen", "lrg_fen", "dis_fen", "maf_fen", "oth_fen")


class CoreRow(pa.DataFrameModel):
    """What every core row carries."""

    file_id: pl.String = pa.Field(title="来源文件", description="F + 16 hex of the content hash")
    sheet: pl.String = pa.Field(nullable=True, title="工作表", description="null for text files")
    source_row: pl.Int64 = pa.Field(
        ge=1, title="来源行", description="row as the operator sees it, header counted"
    )

    class Config:
        strict = True
        coerce = False


class Settlement(CoreRow):
    """setl_d 结算信息: one row per settlement row as delivered; a reversal is a row of its own."""

    setl_id: pl.String = pa.Field(title="结算ID")
    mdtrt_id: pl.String = pa.Field(nullable=True, title="就诊ID")
    init_setl_id: pl.String = pa.Field(
        nullable=True, title="原结算ID", description="filled on a refund row only"
    )
    id_key: pl.Int64 = pa.Field(title="人员键", description="of the certificate, else of region + psn_no")
    insutype: pl.String = pa.Field(
        nullable=True, title="险种类型", description="null: a counter export left it open"
    )
    insu_admdvs: pl.String = pa.Field(title="参保区划", description="as delivered; aliases resolved later")
    institution_code: pl.String = pa.Field(
        nullable=True, title="定点医药机构编号", description="null: likewise"
    )
    institution_region: pl.String = pa.Field(
        nullable=True, title="机构归属区划", description="fix_blng_admdvs, else characters 2-7 of the code"
    )
    hosp_lv: pl.String = pa.Field(nullable=True, title="医院等级")
    begndate: pl.Date = pa.Field(nullable=True, title="开始日期")
    enddate: pl.Date = pa.Field(nullable=True, title="结束日期")
    setl_time: pl.Datetime("us") = pa.Field(title="结算时间")  # type: ignore[valid-type]  # pandera wants an instance
    cost_year: pl.Int32 = pa.Field(title="费用年度", description="calendar year of setl_time")
    med_type: pl.String = pa.Field(nullable=True, title="医疗类别", description="null: likewise")
    setl_type: pl.String = pa.Field(nullable=True, title="结算类别")
    refd_flag: pl.String = pa.Field(nullable=True, title="退费结算标志")
    vali_flag: pl.String = pa.Field(nullable=True, title="有效标志")
    out_flag: pl.String = pa.Field(nullable=True, title="异地标志")
    mid_flag: pl.String = pa.Field(nullable=True, title="中途结算标志")
    manl_reim_rea: pl.String = pa.Field(nullable=True, title="零星报销原因")
    nwb_flag: pl.String = pa.Field(nullable=True, title="新生儿标志")
    pay_loc: pl.String = pa.Field(nullable=True, title="支付地点类别")
    refl_stas: pl.String = pa.Field(nullable=True, title="转诊情形", description="0 not needed, 1 yes, 2 no")
    dise_no: pl.String = pa.Field(nullable=True, title="病种编号")
    benefit_year: pl.Int32 = pa.Field(nullable=True, title="年度", description="the extract's own YEAR")
    updt_time: pl.Datetime("us") = pa.Field(nullable=True, title="更新时间")  # type: ignore[valid-type]  # as above
    tot_fen: pl.Int64 = pa.Field(title="医疗费总额")
    ooc_fen: pl.Int64 = pa.Field(nullable=True, title="全自费")
    ovl_fen: pl.Int64 = pa.Field(nullable=True, title="超限价自费")
    pre_fen: pl.Int64 = pa.Field(nullable=True, title="先行自付")
    pol_fen: pl.Int64 = pa.Field(nullable=True, title="政策范围内费用")
    ded_fen: pl.Int64 = pa.Field(nullable=True, title="起付线")
    bas_fen: pl.Int64 = pa.Field(nullable=True, title="统筹基金")
    civ_fen: pl.Int64 = pa.Field(nullable=True, title="公务员补助")
    ent_fen: pl.Int64 = pa.Field(nullable=True, title="企业补充")
    cii_fen: pl.Int64 = pa.Field(nullable=True, title="居民大病")
    lrg_fen: pl.Int64 = pa.Field(nullable=True, title="职工大额")
    dis_fen: pl.Int64 = pa.Field(nullable=True, title="伤残保障")
    maf_fen: pl.Int64 = pa.Field(nullable=True, title="医疗救助")
    oth_fen: pl.Int64 = pa.Field(nullable=True, title="其他基金")
    fund_fen: pl.Int64 = pa.Field(nullable=True, title="基金支付总额")
    psn_fen: pl.Int64 = pa.Field(title="个人支付")
    acct_fen: pl.Int64 = pa.Field(nullable=True, title="个人账户")
    cash_fen: pl.Int64 = pa.Field(nullable=True, title="现金")
    mul_fen: pl.Int64 = pa.Field(nullable=True, title="账户共济")
    hosp_fen: pl.Int64 = pa.Field(nullable=True, title="医院负担")
    tilt_fen: pl.Int64 = pa.Field(nullable=True, title="倾斜救助")
    com_fen: pl.Int64 = pa.Field(nullable=True, title="补充保险")
    aid_fen: pl.Int64 = pa.Field(nullable=True, title="扶贫济困")
    form_a: pl.String = pa.Field(
        nullable=True, isin=["ok", "broken"], title="恒等式A", description="null: untested"
    )
    form_b: pl.String = pa.Field(nullable=True, isin=["plain", "acct_in_fund"], title="恒等式B")
    form_c: pl.String = pa.Field(nullable=True, isin=["plain", "mul"], title="恒等式C")
    form_d: pl.String = pa.Field(nullable=True, isin=["ok", "broken"], title="恒等式D")


class Person(CoreRow):
    """Who was seen in a file: one row per distinct (id_key, psn_key, name) and file, from any table; no open text."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    cert_key: pl.Int64 = pa.Field(nullable=True, title="证件键", description="null: no readable certificate")
    untyped_key: pl.Int64 = pa.Field(
        nullable=True, title="不分证件类型的键", description="other kinds than 01 only"
    )
    psn_key: pl.Int64 = pa.Field(nullable=True, title="人员编号键", description="of psn_no alone")
    psn_region: pl.String = pa.Field(
        nullable=True, title="人员编号所属区划", description="null: the table shows none"
    )
    check_ok: pl.Boolean = pa.Field(
        nullable=True, title="校验位正确", description="null where not an 18-digit number"
    )
    name_masked: pl.String = pa.Field(nullable=True, title="姓名(掩码)", description="张**")
    name_key: pl.Int64 = pa.Field(nullable=True, title="姓名键", description="keyed hash, to compare names")
    certno_masked: pl.String = pa.Field(nullable=True, title="证件号(掩码)", description="330185********1234")
    birth_year: pl.Int32 = pa.Field(nullable=True, title="出生年份")
    sex: pl.String = pa.Field(nullable=True, isin=["1", "2"], title="性别")
    died_on: pl.Date = pa.Field(nullable=True, title="死亡日期")
    dead: pl.Boolean = pa.Field(nullable=True, title="已死亡", description="surv_stas 2, also without a date")
    place_time: pl.Datetime("us") = pa.Field(nullable=True, title="地址时间")  # type: ignore[valid-type]  # as above
    place_kind: pl.String = pa.Field(
        nullable=True, isin=["counter", "live_addr", "hsreg_addr", "emp_name"], title="乡镇来源"
    )
    township_codes: pl.String = pa.Field(
        nullable=True,
        title="候选乡镇代码",
        description="codes of the matched township, one a county, joined by |",
    )
    village: pl.String = pa.Field(nullable=True, title="村社区")


class Institution(CoreRow):
    """fixmedins_b 定点医药机构."""

    institution_code: pl.String = pa.Field(title="机构编号")
    name: pl.String = pa.Field(nullable=True, title="机构名称")
    institution_region: pl.String = pa.Field(nullable=True, title="归属区划")
    kind: pl.String = pa.Field(nullable=True, title="机构类型")
    hosp_lv: pl.String = pa.Field(nullable=True, title="医院等级")
    valid_from: pl.Date = pa.Field(title="开始日期")
    valid_to: pl.Date = pa.Field(nullable=True, title="结束日期")


class InstitutionName(CoreRow):
    """Names of institutions as they stand in settlement files: one row per distinct code and name in a file."""

    institution_code: pl.String = pa.Field(title="机构编号")
    name: pl.String = pa.Field(title="机构名称")


class Item(CoreRow):
    """fee_list_d 费用明细."""

    setl_id: pl.String = pa.Field(title="结算ID")
    item_sn: pl.String = pa.Field(title="明细流水号")
    ocur_date: pl.Date = pa.Field(nullable=True, title="发生日期")
    item_code: pl.String = pa.Field(title="医疗目录编码")
    item_name: pl.String = pa.Field(nullable=True, title="项目名称")
    list_type: pl.String = pa.Field(nullable=True, title="目录类别")
    item_kind: pl.String = pa.Field(nullable=True, title="收费项目类别")
    item_level: pl.String = pa.Field(nullable=True, title="收费项目等级", description="01 甲, 02 乙, 03 丙")
    nego_flag: pl.String = pa.Field(nullable=True, title="谈判药标志")
    vbp_flag: pl.String = pa.Field(nullable=True, title="集采标志")
    quantity: pl.Float64 = pa.Field(nullable=True, title="数量")
    tot_fen: pl.Int64 = pa.Field(title="明细总额")
    ooc_fen: pl.Int64 = pa.Field(nullable=True, title="全自费")
    ovl_fen: pl.Int64 = pa.Field(nullable=True, title="超限价")
    pre_fen: pl.Int64 = pa.Field(nullable=True, title="先行自付")
    pol_fen: pl.Int64 = pa.Field(nullable=True, title="政策范围内")


class Diagnosis(CoreRow):
    """setl_diag_list_d 结算诊断; joins a settlement by mdtrt_id only."""

    mdtrt_id: pl.String = pa.Field(title="就诊ID")
    inout_type: pl.String = pa.Field(nullable=True, title="出入院诊断类别")
    diag_code: pl.String = pa.Field(title="诊断代码")
    diag_name: pl.String = pa.Field(nullable=True, title="诊断名称")
    main_flag: pl.String = pa.Field(nullable=True, title="主诊断标志")
    diag_no: pl.Int32 = pa.Field(nullable=True, title="诊断序号")


class PersonInfo(CoreRow):
    """psn_info_b 人员基本信息, without anything personal (see `person` and the vault)."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    psn_key: pl.Int64 = pa.Field(nullable=True, title="人员编号键")
    surv_stas: pl.String = pa.Field(nullable=True, title="生存状态")
    die_date: pl.Date = pa.Field(nullable=True, title="死亡日期")
    booklet_key: pl.Int64 = pa.Field(nullable=True, title="户口簿键")
    updt_time: pl.Datetime("us") = pa.Field(nullable=True, title="更新时间")  # type: ignore[valid-type]  # as above


class Enrolment(CoreRow):
    """psn_insu_d 人员参保信息."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    psn_key: pl.Int64 = pa.Field(nullable=True, title="人员编号键")
    insutype: pl.String = pa.Field(title="险种类型")
    psn_insu_stas: pl.String = pa.Field(title="参保状态")
    insu_admdvs: pl.String = pa.Field(title="参保区划")
    crt_insu_date: pl.Date = pa.Field(nullable=True, title="本次参保日期")
    paus_insu_date: pl.Date = pa.Field(nullable=True, title="暂停参保日期")
    psn_insu_date: pl.Date = pa.Field(nullable=True, title="个人参保日期")
    updt_time: pl.Datetime("us") = pa.Field(nullable=True, title="更新时间")  # type: ignore[valid-type]  # as above


class Premium(CoreRow):
    """rsdt_psn_clct_detl_d 居民缴费明细."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    accrym_begn: pl.Date = pa.Field(title="费款所属期起")
    accrym_end: pl.Date = pa.Field(title="费款所属期止")
    own_fen: pl.Int64 = pa.Field(nullable=True, title="个人缴费金额")
    finsubs_fen: pl.Int64 = pa.Field(nullable=True, title="财政补助金额")
    clct_flag: pl.String = pa.Field(title="缴费标志")
    clct_time: pl.Datetime("us") = pa.Field(nullable=True, title="缴费时间")  # type: ignore[valid-type]  # as above
    clct_grde: pl.String = pa.Field(nullable=True, title="缴费档次")
    revs_flag: pl.String = pa.Field(
        nullable=True, title="核销标志", description="Z normal, + written off, - negative"
    )
    insu_admdvs: pl.String = pa.Field(nullable=True, title="参保区划")
    psn_idet_type: pl.String = pa.Field(nullable=True, title="缴费时身份")
    updt_time: pl.Datetime("us") = pa.Field(nullable=True, title="更新时间")  # type: ignore[valid-type]  # as above


class Referral(CoreRow):
    """refl_appy_evt_c 转诊转院申请."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    mdtrt_id: pl.String = pa.Field(nullable=True, title="就诊ID")
    setl_id: pl.String = pa.Field(nullable=True, title="结算ID")
    refl_date: pl.Date = pa.Field(nullable=True, title="转诊日期")
    begndate: pl.Date = pa.Field(nullable=True, title="开始日期")
    enddate: pl.Date = pa.Field(nullable=True, title="结束日期")
    refl_setl_flag: pl.String = pa.Field(nullable=True, title="转诊结算标志")
    first_at_base: pl.String = pa.Field(nullable=True, title="基层首诊")
    vali_flag: pl.String = pa.Field(nullable=True, title="有效标志")
    updt_time: pl.Datetime("us") = pa.Field(nullable=True, title="更新时间")  # type: ignore[valid-type]  # as above


class Filing(CoreRow):
    """out_appy_d 异地就医备案."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    begndate: pl.Date = pa.Field(title="开始日期")
    enddate: pl.Date = pa.Field(nullable=True, title="结束日期")
    rloc_admdvs: pl.String = pa.Field(nullable=True, title="安置地区划")
    trafout_fixmedins_code: pl.String = pa.Field(nullable=True, title="转往机构编号")
    rloc_rea: pl.String = pa.Field(nullable=True, title="备案原因")
    vali_flag: pl.String = pa.Field(nullable=True, title="有效标志")
    insu_admdvs: pl.String = pa.Field(nullable=True, title="参保区划")
    updt_time: pl.Datetime("us") = pa.Field(nullable=True, title="更新时间")  # type: ignore[valid-type]  # as above


class ChronicRegistration(CoreRow):
    """opsp_reg 慢特病备案."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    opsp_dise_code: pl.String = pa.Field(title="病种代码")
    opsp_dise_name: pl.String = pa.Field(nullable=True, title="病种名称")
    begndate: pl.Date = pa.Field(title="开始日期")
    enddate: pl.Date = pa.Field(nullable=True, title="结束日期")
    insu_admdvs: pl.String = pa.Field(nullable=True, title="参保区划")
    vali_flag: pl.String = pa.Field(nullable=True, title="有效标志")
    updt_time: pl.Datetime("us") = pa.Field(nullable=True, title="更新时间")  # type: ignore[valid-type]  # as above
