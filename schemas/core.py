"""The typed tables of the lake (`lake/core`): one pandera model a table, which is also its dictionary.

Every core row carries `file_id` and `source_row`, the line of the delivered file it came from. Money is whole
fen (Int64); null means unknown, never zero. `id_key` is the keyed pseudonym of what the row itself shows of the
person (see `transforms.pseudonym`); `transforms.identity` turns it into the published `person_key`.
"""

from __future__ import annotations

import polars as pl

from schemas.core_departments import (
    Application,
    Consent,
    Deceased,
    Decision,
    Declaration,
    Deposit,
    Feedback,
    FundLedger,
    OpeningBalance,
    PaidLedger,
    Payee,
    Payment,
    Roster,
    RosterRefused,
    SubsidyLedger,
    SupplementaryCover,
    WaitingRejection,
)
from schemas.core_platform import (
    AMOUNTS,
    FUND_PARTS,
    ChronicRegistration,
    CoreRow,
    Diagnosis,
    Enrolment,
    Filing,
    Institution,
    InstitutionName,
    Item,
    Person,
    PersonInfo,
    Premium,
    Referral,
    Settlement,
)

__all__ = ["AMOUNTS", "FUND_PARTS", "MODELS", "CoreRow", "Person", "empty", "polars_schema"]

MODELS: dict[str, type[CoreRow]] = {
    "setl_d": Settlement,
    "person": Person,
    "roster": Roster,
    "roster_refused": RosterRefused,
    "payment": Payment,
    "paid_ledger": PaidLedger,
    "fixmedins_b": Institution,
    "institution_name": InstitutionName,
    "fee_list_d": Item,
    "setl_diag_list_d": Diagnosis,
    "psn_info_b": PersonInfo,
    "psn_insu_d": Enrolment,
    "rsdt_psn_clct_detl_d": Premium,
    "refl_appy_evt_c": Referral,
    "out_appy_d": Filing,
    "opsp_reg": ChronicRegistration,
    "declaration": Declaration,
    "feedback": Feedback,
    "decision": Decision,
    "payee": Payee,
    "fund_ledger": FundLedger,
    "subsidy_ledger": SubsidyLedger,
    "opening_balance": OpeningBalance,
    "consent": Consent,
    "supplementary_cover": SupplementaryCover,
    "waiting_rejection": WaitingRejection,
    "application": Application,
    "deposit": Deposit,
    "deceased": Deceased,
}


def polars_schema(model: type[CoreRow]) -> pl.Schema:
    """Column names and dtypes of a core table, in order."""
    return pl.Schema({name: column.dtype.type for name, column in model.to_schema().columns.items()})


def empty(table: str) -> pl.DataFrame:
    """A core table without rows."""
    return pl.DataFrame(schema=polars_schema(MODELS[table]))
