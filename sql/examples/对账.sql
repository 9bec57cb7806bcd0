-- 每个环节的流入、流出和说明 / what went into and out of each stage
select stage, measure, amount_in, amount_out, explained, difference from mart.reconciliation
