-- 封顶家庭逐层保障后还剩多少 / what each layer paid to the households over their cap, and what was left after it
select w.layer_no, w.layer_code, sum(w.paid_yuan) as paid_yuan, sum(w.remaining_yuan) as remaining_yuan
from mart.layer_waterfall w
join mart.cap_gap g on g.unit_id = w.unit_id and g.cost_year = w.cost_year and g.region_code = w.region_code
where w.unit_type = 'household' and w.cost_year = 2023 and g.gap_yuan > 0 and g.amount_yuan is not null
group by all
order by w.layer_no
