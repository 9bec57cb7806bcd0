-- Everyone has exactly one row a cost year.
select person_key, cost_year, count(*) as n from mart.person_year group by all having count(*) > 1
