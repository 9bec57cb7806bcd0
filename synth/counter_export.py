"""A part of the settlements as counter exports: Chinese headers, labels in place of codes, Excel."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from synth.addresses import TownNames
from synth.people import ALIAS
from synth.places import County
from synth.render import Renderer, as_text
from synth.settle import COUNT
from synth.write import Inbox

QIANSHAN = {
    "结算ID": "setl_id", "就诊ID": "mdtrt_id", "个人编号": "psn_no", "人员姓名": "psn_name", "证件号码": "certno",
    "人员类别": "@psn_type", "定点医药机构编号": "fixmedins_code", "定点医药机构名称": "fixmedins_name",
    "医院等级": "@hosp_lv", "医药机构地点类别": "@place", "开始日期": "begndate", "结束日期": "enddate",
    "结算日期": "setl_time", "就诊凭证类型": "@card", "总费用": "medfee_sumamt", "全自费金额": "fulamt_ownpay_amt",
    "超限价自费费用": "overlmt_selfpay", "先行自付金额": "preselfpay_amt", "范围内费用": "inscp_amt",
    "起付线": "act_pay_dedc", "统筹基金支出": "hifp_pay", "大额医疗支出金额": "hifob_pay",
    "大病保险支出": "hifmi_pay", "医疗救助支出": "maf_pay", "公务员医疗补助": "cvlserv_pay",
    "其他基金支付": "othfund_pay", "基金支付总额": "fund_pay_sumamt", "个人现金支付": "cash_payamt",
    "个人账户支付": "acct_pay", "账户共济支付金额": "acct_mulaid_pay", "病种名称": "dise_name",
    "医疗类别": "@med_type", "统筹基金支付比例": "", "中心报销": "@no", "经办人员": "@clerk", "乡镇": "@town",
    "村": "@village", "备注": "", "是否有效": "@yes", "是否退费": "@no", "险种类型": "@insutype",
    "参保所属医保区划": "insu_admdvs",
}  # fmt: skip
CHONGQING = {
    "医保分类": "@inout", "清算期": "@period", "费款所属期": "@period", "结算id": "setl_id", "认定地": "@county",
    "镇街": "@town", "参保地": "@county", "参保类别": "@scheme", "身份证号": "certno", "姓名": "psn_name",
    "救助身份": "@none", "就诊地": "@county", "就诊医疗机构名称": "fixmedins_name", "医保就诊类别": "@med_type",
    "医疗救助类别": "@none", "病种编码": "dise_no", "病种名称": "dise_name", "入院日期": "begndate",
    "出院日期": "enddate", "结算日期": "setl_time", "费用总额": "medfee_sumamt", "符合医保报销金额": "inscp_amt",
    "基本医疗保险报销金额": "hifp_pay", "大病报销金额": "hifmi_pay", "大额报销金额": "hifob_pay",
    "进入医疗救助金额": "@zero", "医疗救助": "maf_pay", "倾斜救助": "@zero", "扶贫济困金额（元）": "@zero",
    "渝快保支出金额（元）": "@zero", "个人账户支付金额（元）": "acct_pay", "个人现金支付金额（元）": "cash_payamt",
}  # fmt: skip
MED_TYPE = {
    "11": "普通门诊", "13": "急诊", "14": "门诊慢特病", "21": "普通住院", "25": "异地住院", "41": "定点药店购药",
}  # fmt: skip
LEVEL = {"02": "三级甲等", "05": "二级甲等", "08": "一级甲等", "11": "无等级"}
INSUTYPE = {
    "310": "职工基本医疗保险", "390": "城乡居民基本医疗保险", "380": "新型农村合作医疗", "340": "离休人员医疗保障",
}  # fmt: skip
MONEY_FROM = {"总费用", "费用总额"}


class CounterExports:
    """Takes some settlements out of the platform files and writes them as quarterly counter exports."""

    def __init__(self, render: Renderer, place: County, year: int, region: str) -> None:
        self.render, self.place, self.year = render, place, year
        self.columns = CHONGQING if region.startswith("50") else QIANSHAN
        self.towns = TownNames(place)
        self.quarters: dict[int, list[pl.DataFrame]] = {}
        self.seen: dict[int, tuple[datetime, str, str, str]] = {}

    def take(self, rows: pl.DataFrame, month: int, most: int) -> pl.DataFrame:
        """Rows that stay in the platform extract."""
        people = self.render.people
        simple = pl.Series((people.id_kind == 0) & ~people.detail & (people.insutype != 340))
        fit = (
            (pl.col("t") == COUNT) & ~pl.col("multi") & (pl.col("odd") == 0) & (pl.col("mul") == 0)
            & (pl.col("hosp") == 0) & (pl.col("cvl") == 0) & (pl.col("setl_type") == "2") & pl.col("pol_ok")
            & (pl.col("insured") <= ALIAS) & (pl.col("vali") == "1") & (pl.col("nwb") == "0")
            & (pl.col("refd") == "0") & pl.col("insutype").is_in([310, 390, 380])
        )  # fmt: skip
        marked = rows.with_row_index("i").with_columns(simple[rows["p"].to_numpy()].alias("s"))
        able = marked.filter(fit & pl.col("s"))
        chosen = able.gather_every(7).head(min(most, max(4, rows.height // 100)))
        self.quarters.setdefault((month - 1) // 3, []).append(chosen.drop("i", "s"))
        return marked.filter(~pl.col("i").is_in(chosen["i"].to_list())).drop("i", "s")

    def write(self, inbox: Inbox) -> None:
        """One workbook a quarter."""
        for quarter, frames in sorted(self.quarters.items()):
            rows = pl.concat(frames).sort("setl_time", "setl_id")
            if not rows.height:
                continue
            table = as_text(self.render.bulk(rows, plain=False)).to_dicts()
            lines = [self._line(r, p, i) for i, (r, p) in enumerate(zip(table, rows["p"], strict=True))]
            for r, p, when in zip(table, rows["p"], rows["setl_time"], strict=True):
                town, village = self._home(p)
                if (when, r["setl_id"]) > self.seen.get(p, (datetime.min, "", "", ""))[:2]:
                    self.seen[p] = (when, r["setl_id"], town, village if "村" in self.columns else "")
            name = "统计汇总_区内明细" if self.columns is CHONGQING else "中心结算明细"
            month = 3 * quarter + 4
            received = date(self.year + month // 13, (month - 1) % 12 + 1, 8)
            title = f"{self.place.name}{name}" if quarter % 2 else ""
            inbox.sheet(
                f"{name}_{self.year}Q{quarter + 1}",
                "setl_d",
                received,
                tuple(self.columns),
                lines,
                title=title,
            )

    def _home(self, p: int) -> tuple[str, str]:
        people = self.render.people
        return self.place.townships[people.town[p]][1], f"第{people.village[p]}村"

    def _line(self, r: dict[str, str], p: int, i: int) -> list[object]:
        town, village = self.towns.written(self.render.people.town[p], i), self._home(p)[1]
        labels = {
            "@psn_type": "职工在职" if r["insutype"] == "310" else "普通居民(成年)", "@hosp_lv": LEVEL[r["hosp_lv"]],
            "@place": "本地" if r["fix_blng_admdvs"] == self.place.code else "市内异地", "@card": "社会保障卡",
            "@med_type": MED_TYPE[r["med_type"]], "@no": "否", "@yes": "是", "@clerk": "合成经办", "@town": town,
            "@village": village, "@insutype": INSUTYPE[r["insutype"]], "@county": self.place.name, "@none": "无",
            "@inout": "住院" if r["med_type"][0] == "2" else "门诊", "@period": r["setl_time"][:7].replace("-", ""),
            "@scheme": "职工" if r["insutype"] == "310" else "居民", "@zero": "0.00",
        }  # fmt: skip
        line: list[object] = []
        for title, source in self.columns.items():
            value: object = labels.get(source, r.get(source, ""))
            if title in MONEY_FROM and i % 3 == 0:
                value = f"{float(str(value)):,.2f}"
            elif title in MONEY_FROM and i % 3 == 1:
                value = float(str(value))
            line.append(value)
        return line
