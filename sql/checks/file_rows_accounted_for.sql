-- Nothing is lost: rows of a file = accepted + rejected + duplicate.
select file_id, n_rows, n_accepted, n_rejected, n_duplicate
from mart.source_file
where status = 'read' and n_rows is distinct from n_accepted + n_rejected + n_duplicate
