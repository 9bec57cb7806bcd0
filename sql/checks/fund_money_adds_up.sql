-- What a fund raised is the sum of its sources; the balance is raised less paid; a check is judged where both sides are known.
select region_code, year, fund, rule_id
from mart.fund_position
where raised_yuan is distinct from
        fiscal_yuan + social_yuan + insurer_yuan + institution_yuan + village_yuan + other_yuan
    or balance_yuan is distinct from raised_yuan - paid_yuan
    or (met is null) <> (check_left is null or check_right is null)
