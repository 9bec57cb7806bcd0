-- 参保人员费用结构：各层基金支出按月，与上年同月相比 / what each layer paid by month, against the same month of the year before
select now.region_code, now.month, now.layer_code, now.amount_yuan, past.amount_yuan as before_yuan,
    round(now.amount_yuan / nullif(past.amount_yuan, 0) - 1, 4) as change
from mart.cost_structure now
left join mart.cost_structure past
    on past.region_code = now.region_code and past.population = now.population
    and past.layer_code = now.layer_code and past.month = now.month - 100
where now.population = 'insured' and now.layer_code in ('BAS', 'CII', 'LRG', 'CIV', 'ENT', 'DIS', 'MAF', 'TILT', 'OTH')
order by now.region_code, now.layer_code, now.month
