-- Ids made here begin with their letter, so no program takes them for a number.
select 'person_year' as place, person_key as id from mart.person_year where not regexp_matches(person_key, '^P\w{13}$')
union all
select 'benefit_line', benefit_id from mart.benefit_line where not starts_with(benefit_id, 'B')
