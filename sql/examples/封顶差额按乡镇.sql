-- 各乡镇超出封顶线的家庭和金额 / households over their cap, by township and category
select township_code, category, count(*) as n_units, sum(gap_yuan) as gap_yuan, sum(amount_yuan) as amount_yuan
from mart.cap_gap
where rule_id = 'L-04' and cost_year = 2023 and gap_yuan > 0
group by all
order by gap_yuan desc
