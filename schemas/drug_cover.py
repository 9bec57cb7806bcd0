"""What the code of the full cover of drugs (用药全额保障, W-16) needs of a policy file; off unless the file turns it on."""

from dataclasses import dataclass
from datetime import date

from schemas.policy import Policies, PolicyError, PolicyRule, covers

KIND = "full_drug_cover"
PARAMETERS = ["enabled", "counties_max", "counties", "diseases", "level_max"]


@dataclass(frozen=True)
class DrugCover:
    """A cover in force in a cost year: for whom, of which illnesses (ICD-10 prefixes), up to which level of an
    institution, and its first day in the year."""

    rule_id: str
    counties: tuple[str, ...]
    diseases: tuple[str, ...]
    level_max: int
    first_day: date
    article: str
    policy_version: str


def drug_covers(policies: Policies, cost_year: int) -> list[DrugCover]:
    """The covers that are turned on in a cost year, by rule id.

    Raises PolicyError for one in more counties than the document allows, in none, or in one outside its territory.
    """
    rules = sorted((r for r in policies.rules.values() if r.rule.kind == KIND), key=lambda rule: rule.id)
    day = date(cost_year, 12, 31)
    return [
        _made(rule, day, cost_year)
        for rule in rules
        if rule.parameter("enabled").at(day) is not None and rule.flag("enabled", day)
    ]


def _made(rule: PolicyRule, day: date, cost_year: int) -> DrugCover:
    counties, most = rule.codes("counties", day), rule.number("counties_max", day)
    where = f"{rule.policy.document} {rule.id}"
    if not 1 <= len(set(counties)) <= most:
        raise PolicyError(f"{where}:启用的县(市、区)须为1至{most}个,写了{len(set(counties))}个")
    if outside := [code for code in counties if not covers(rule.policy.territory, code)]:
        raise PolicyError(f"{where}:启用的县(市、区)不在本市:{'、'.join(outside)}")
    enabled = rule.version("enabled", day)
    begun = enabled.in_force or enabled.effective_from
    return DrugCover(
        rule.id,
        tuple(sorted(set(counties))),
        rule.codes("diseases", day),
        rule.number("level_max", day),
        max(begun, rule.policy.in_force, date(cost_year, 1, 1)),
        rule.rule.article,
        rule.label(PARAMETERS, day),
    )
