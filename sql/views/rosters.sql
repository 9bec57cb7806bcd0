-- Roster rows as delivered, of every file that counts.
select
    r.file_id, r.sheet, r.source_row, r.region_code, r.household_id,
    lake.key_text('P', coalesce(h.person_key, r.head_key)) as head_person_key,
    lake.key_text('P', coalesce(l.person_key, r.id_key)) as person_key,
    r.has_certificate, r.relation, r.labels, r.valid_from, r.valid_to, r.township_code, r.township_name, r.village,
    r.department, r.list_kind, r.list_month, r.reason, r.hsreg_region
from $parts r
semi join mart.source_file f on f.file_id = r.file_id and f.status = 'read'
left join lake.person_link l on l.id_key = r.id_key
left join lake.person_link h on h.id_key = r.head_key
