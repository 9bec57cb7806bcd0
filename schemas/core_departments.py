"""Core tables made of what departments send: rosters, payments, ledgers, decisions (see `schemas.core`)."""

from __future__ import annotations

import pandera.polars as pa
import polars as pl

from schemas.core_platform import CoreRow


class Roster(CoreRow):
    """救助对象名册: one row per roster row."""

    region_code: pl.String = pa.Field(title="区划代码", description="at the depth the file shows")
    household_id: pl.String = pa.Field(
        nullable=True, title="家庭编号", description="as it stands; H… where it holds a certificate number"
    )
    head_key: pl.Int64 = pa.Field(nullable=True, title="户主键")
    id_key: pl.Int64 = pa.Field(title="人员键")
    born_key: pl.Int64 = pa.Field(
        nullable=True, title="新生儿键", description="of name, birth date and head's certificate"
    )
    has_certificate: pl.Boolean = pa.Field(title="有证件号")
    relation: pl.String = pa.Field(nullable=True, title="与户主关系")
    labels: pl.List(pl.String) = pa.Field(title="救助身份", description="cleaned wordings, split")  # type: ignore[valid-type]  # as above
    valid_from: pl.Date = pa.Field(title="生效日期")
    valid_to: pl.Date = pa.Field(nullable=True, title="失效日期", description="inclusive; null: open")
    township_code: pl.String = pa.Field(nullable=True, title="乡镇街道代码")
    township_name: pl.String = pa.Field(nullable=True, title="乡镇街道")
    village: pl.String = pa.Field(nullable=True, title="村社区")
    department: pl.String = pa.Field(nullable=True, title="认定部门")
    list_kind: pl.String = pa.Field(nullable=True, isin=["新增", "减少", "在册"], title="名单类型")
    list_month: pl.Int32 = pa.Field(nullable=True, title="名单月份", description="YYYYMM")
    reason: pl.String = pa.Field(nullable=True, title="减少原因")
    hsreg_region: pl.String = pa.Field(nullable=True, title="户籍区划代码")


class RosterRefused(CoreRow):
    """退回的名册行: what a rejected roster row still shows of whom it names and where it belongs."""

    region_code: pl.String = pa.Field(title="区划代码")
    id_key: pl.Int64 = pa.Field(nullable=True, title="人员键")
    labels: pl.List(pl.String) = pa.Field(title="救助身份", description="cleaned wordings, split")  # type: ignore[valid-type]  # as above
    township_code: pl.String = pa.Field(nullable=True, title="乡镇街道代码")
    township_name: pl.String = pa.Field(nullable=True, title="乡镇街道")
    department: pl.String = pa.Field(nullable=True, title="认定部门")
    list_kind: pl.String = pa.Field(nullable=True, title="名单类型")
    list_month: pl.Int32 = pa.Field(nullable=True, title="名单月份", description="YYYYMM")
    wrong_sender: pl.Boolean = pa.Field(
        title="报送部门不符", description="the department may not send this identity"
    )


class Payment(CoreRow):
    """其他保障待遇: supplementary payments (补充保险, 优抚, 慈善 …)."""

    serial: pl.String = pa.Field(nullable=True, title="流水号")
    id_key: pl.Int64 = pa.Field(title="人员键")
    setl_id: pl.String = pa.Field(nullable=True, title="结算ID")
    kind: pl.String = pa.Field(title="待遇类别")
    amount_fen: pl.Int64 = pa.Field(title="金额")
    paid_on: pl.Date = pa.Field(title="支付日期")
    cost_year: pl.Int32 = pa.Field(title="费用年度")
    payer: pl.String = pa.Field(nullable=True, title="支付单位")
    note_key: pl.Int64 = pa.Field(
        nullable=True, title="说明键", description="keyed hash of the note, to compare rows"
    )
    says_medical: pl.Boolean = pa.Field(title="说明含医疗")
    names_fund: pl.Boolean = pa.Field(title="说明或支付单位含封顶/暖心基金/共富基金")


class PaidLedger(CoreRow):
    """已付台账: what a fund has paid on a benefit."""

    serial: pl.String = pa.Field(nullable=True, title="流水号")
    benefit_id: pl.String = pa.Field(nullable=True, title="待遇编号")
    rule_id: pl.String = pa.Field(nullable=True, title="规则")
    object_id: pl.String = pa.Field(
        nullable=True,
        title="对象编号",
        description="家庭编号, 家庭编号/类别, or P… where a certificate number stood",
    )
    object_key: pl.Int64 = pa.Field(nullable=True, title="对象人员键")
    cost_year: pl.Int32 = pa.Field(nullable=True, title="费用年度")
    amount_fen: pl.Int64 = pa.Field(title="金额", description="negative: returned")
    paid_on: pl.Date = pa.Field(title="支付日期")


class Declaration(CoreRow):
    """补充申报."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    declarant_kind: pl.String = pa.Field(title="申报人类别")
    declared_on: pl.Date = pa.Field(title="申报日期")
    reason: pl.String = pa.Field(nullable=True, title="申报原因")
    region_code: pl.String = pa.Field(title="区划代码")


class Feedback(CoreRow):
    """走访反馈: the visitor's name stays in the archive."""

    warning_id: pl.String = pa.Field(title="预警编号")
    issue_no: pl.String = pa.Field(nullable=True, title="期号")
    why_key: pl.Int64 = pa.Field(
        nullable=True, title="为什么键", description="keyed hash of the reason as sent back, to compare"
    )
    visited_on: pl.Date = pa.Field(nullable=True, title="走访日期")
    outcome: pl.String = pa.Field(nullable=True, title="核实结果")
    measure: pl.String = pa.Field(nullable=True, title="帮扶措施")
    aid_fen: pl.Int64 = pa.Field(nullable=True, title="帮扶金额")
    closed_on: pl.Date = pa.Field(nullable=True, title="办结日期")


class Decision(CoreRow):
    """审核决定; certificate numbers among the objects are keys."""

    object_kind: pl.String = pa.Field(title="对象类型")
    object_id: pl.String = pa.Field(title="对象编号", description="P… or H… where a certificate number stood")
    object_key: pl.Int64 = pa.Field(nullable=True, title="对象人员键")
    cost_year: pl.Int32 = pa.Field(nullable=True, title="费用年度")
    verdict: pl.String = pa.Field(title="决定")
    value: pl.String = pa.Field(
        nullable=True, title="取值", description="P… or H… where a certificate number stood"
    )
    reason_key: pl.Int64 = pa.Field(
        title="理由键",
        description="tells another wording apart; 理由 and 决定人 are in the vault (`decision`)",
    )
    decided_on: pl.Date = pa.Field(title="决定日期")
    revoked_on: pl.Date = pa.Field(nullable=True, title="撤销日期")


class Payee(CoreRow):
    """收款账户: whose account is known from when to when; holder, bank and number are in the vault (`payee`)."""

    household_id: pl.String = pa.Field(nullable=True, title="家庭编号")
    id_key: pl.Int64 = pa.Field(nullable=True, title="人员键")
    valid_from: pl.Date = pa.Field(title="生效日期")
    valid_to: pl.Date = pa.Field(nullable=True, title="失效日期")
    relation: pl.String = pa.Field(nullable=True, title="与对象关系")


class FundLedger(CoreRow):
    """基金台账."""

    serial: pl.String = pa.Field(nullable=True, title="流水号")
    fund: pl.String = pa.Field(title="基金")
    year: pl.Int32 = pa.Field(title="年度")
    booked_on: pl.Date = pa.Field(nullable=True, title="日期")
    flow: pl.String = pa.Field(title="收支")
    source_kind: pl.String = pa.Field(nullable=True, title="来源类别")
    region_code: pl.String = pa.Field(nullable=True, title="区划代码")
    amount_fen: pl.Int64 = pa.Field(title="金额")
    note: pl.String = pa.Field(nullable=True, title="说明")


class SubsidyLedger(CoreRow):
    """资助参保台账."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    insurance_year: pl.Int32 = pa.Field(title="参保年度")
    tier: pl.String = pa.Field(nullable=True, title="档次")
    standard_fen: pl.Int64 = pa.Field(nullable=True, title="个人缴费标准")
    amount_fen: pl.Int64 = pa.Field(title="资助金额")
    source: pl.String = pa.Field(nullable=True, title="资金来源")
    label: pl.String = pa.Field(nullable=True, title="资助身份")
    subsidised_on: pl.Date = pa.Field(nullable=True, title="资助日期")
    region_code: pl.String = pa.Field(nullable=True, title="资助地区划")


class OpeningBalance(CoreRow):
    """已用额度."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    year: pl.Int32 = pa.Field(title="年度")
    account: pl.String = pa.Field(title="账户")
    amount_fen: pl.Int64 = pa.Field(title="已用金额")
    as_of: pl.Date = pa.Field(title="截至日期")


class Consent(CoreRow):
    """数据授权: whether a person has agreed that his data are passed on, for what, from when to when."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    agreed: pl.String = pa.Field(isin=["1", "0"], title="是否授权", description="1 yes, 0 no")
    agreed_on: pl.Date = pa.Field(title="授权日期")
    valid_to: pl.Date = pa.Field(nullable=True, title="授权截止日期", description="inclusive; null: open")
    revoked_on: pl.Date = pa.Field(nullable=True, title="撤销日期")
    scope: pl.String = pa.Field(nullable=True, title="授权范围")
    region_code: pl.String = pa.Field(nullable=True, title="区划代码")


class SupplementaryCover(CoreRow):
    """惠民保参保: who is insured with a 惠民型商业补充医疗保险, in which year."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    cover_year: pl.Int32 = pa.Field(nullable=True, title="保障年度")
    valid_from: pl.Date = pa.Field(nullable=True, title="保障起期")
    valid_to: pl.Date = pa.Field(nullable=True, title="保障止期", description="inclusive")
    insured_on: pl.Date = pa.Field(nullable=True, title="投保日期")
    product: pl.String = pa.Field(nullable=True, title="产品名称")
    insurer: pl.String = pa.Field(nullable=True, title="承保公司")
    premium_fen: pl.Int64 = pa.Field(nullable=True, title="保费")
    region_code: pl.String = pa.Field(nullable=True, title="区划代码")


class WaitingRejection(CoreRow):
    """等待期拒付: a claim that was refused because of a waiting period after a gap in cover."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    setl_id: pl.String = pa.Field(nullable=True, title="结算ID")
    institution_code: pl.String = pa.Field(nullable=True, title="机构编号")
    rejected_on: pl.Date = pa.Field(title="拒付日期")
    gap_reason: pl.String = pa.Field(nullable=True, title="停保断保原因", description="as written")
    gap_from: pl.Date = pa.Field(nullable=True, title="停保断保日期")
    gap_to: pl.Date = pa.Field(nullable=True, title="恢复参保日期")
    waiting_days: pl.Int32 = pa.Field(nullable=True, title="等待期天数")
    waiting_to: pl.Date = pa.Field(nullable=True, title="等待期截止日期")
    amount_fen: pl.Int64 = pa.Field(nullable=True, title="拒付金额")
    insu_admdvs: pl.String = pa.Field(nullable=True, title="参保区划")


class Application(CoreRow):
    """救助申请: an application for medical assistance and when each step was done."""

    serial: pl.String = pa.Field(nullable=True, title="申请编号")
    id_key: pl.Int64 = pa.Field(title="人员键")
    region_code: pl.String = pa.Field(nullable=True, title="区划代码")
    aid_kind: pl.String = pa.Field(nullable=True, title="申请类型")
    applied_on: pl.Date = pa.Field(title="申请日期")
    accepted_on: pl.Date = pa.Field(nullable=True, title="受理日期")
    reviewed_on: pl.Date = pa.Field(nullable=True, title="审核日期")
    decided_on: pl.Date = pa.Field(nullable=True, title="审批日期")
    outcome: pl.String = pa.Field(nullable=True, title="审批结果", description="as written")
    paid_on: pl.Date = pa.Field(nullable=True, title="给付日期")
    amount_fen: pl.Int64 = pa.Field(nullable=True, title="救助金额")


class Deposit(CoreRow):
    """押金: what a hospital took as a deposit for a stay."""

    serial: pl.String = pa.Field(nullable=True, title="流水号")
    id_key: pl.Int64 = pa.Field(title="人员键")
    setl_id: pl.String = pa.Field(nullable=True, title="结算ID")
    mdtrt_id: pl.String = pa.Field(nullable=True, title="就诊ID")
    institution_code: pl.String = pa.Field(nullable=True, title="机构编号")
    admitted_on: pl.Date = pa.Field(nullable=True, title="入院日期")
    taken_on: pl.Date = pa.Field(nullable=True, title="收取日期")
    refunded_on: pl.Date = pa.Field(nullable=True, title="退还日期")
    amount_fen: pl.Int64 = pa.Field(title="押金金额")


class Deceased(CoreRow):
    """死亡名单: who has died, and when, as another department lists it."""

    id_key: pl.Int64 = pa.Field(title="人员键")
    died_on: pl.Date = pa.Field(title="死亡日期")
    cancelled_on: pl.Date = pa.Field(nullable=True, title="户口注销日期")
    cremated_on: pl.Date = pa.Field(nullable=True, title="火化日期")
    sender: pl.String = pa.Field(nullable=True, title="提供部门")
    region_code: pl.String = pa.Field(nullable=True, title="区划代码")
