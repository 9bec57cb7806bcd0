-- What remains after a layer is what remained before it less what the layer paid, where both are known; no layer is left out.
select region_code, unit_type, unit_id, cost_year, layer_no, paid_yuan, remaining_yuan
from (
    select
        region_code, unit_type, unit_id, cost_year, layer_no, paid_yuan, remaining_yuan,
        lag(layer_no) over unit as layer_before,
        lag(remaining_yuan) over unit as before_yuan
    from mart.layer_waterfall
    window unit as (partition by region_code, unit_type, unit_id, cost_year order by layer_no)
)
where layer_no <> 1 and (layer_no - 1 is distinct from layer_before or before_yuan - paid_yuan <> remaining_yuan)
