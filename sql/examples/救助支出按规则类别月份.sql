-- 医疗救助和倾斜救助支出：规则、类别、月份 / relief by rule, category and month of the visit's last settlement
select l.region_code, l.rule_id, l.category, date_trunc('month', i.setl_date) as month, count(*) as n_lines,
    sum(l.amount_yuan) as amount_yuan
from mart.benefit_line l
join mart.benefit_item i on i.benefit_id = l.benefit_id and i.settlement_id = l.settlement_id
where l.rule_id like 'P-%' and l.cost_year = 2023
group by all
order by month, l.rule_id, l.category
