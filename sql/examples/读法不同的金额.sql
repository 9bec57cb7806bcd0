-- 换一种读法金额会不同的家庭 / units whose amount depends on the reading
select l.unit_id, l.cost_year, l.amount_yuan, r.reading_key, r.reading, r.amount_yuan as other_amount_yuan
from mart.review_case r
join mart.benefit_line l on l.benefit_id = r.benefit_id
order by abs(r.amount_yuan - l.amount_yuan) desc nulls last, l.unit_id, r.reading_key, r.reading
