-- What remains after a layer is what remained before it less what the layer paid, where both are known.
select region_code, unit_type, unit_id, cost_year, layer_no, paid_yuan, remaining_yuan
from (
    select *, lag(remaining_yuan) over (
        partition by region_code, unit_type, unit_id, cost_year order by layer_no
    ) as before_yuan
    from mart.layer_waterfall
)
where before_yuan - paid_yuan <> remaining_yuan
