"""The rules of the protocol: what each says and why, what breaks it, and its judge, in one place.

`headers` and `framing` judge each header and record by itself, `ending` where a stream stops, `order` and `postcopy`
where a record stands, `pages` the pages of the postcopy phase, `handshake` xl's texts, `capture` what a capture has
lost. `checker` folds them over the events of a migration, `verdict` says how that ended.

To add a rule, declare it in the file of its group, with its texts, messages and examples, and let the judge of that
file yield it; what a comparison of fields or the place of a record decides is a row of the rule, and needs no judge.
"""

from dissector.rules.findings import Finding
from dissector.rules.registry import RULES
from dissector.rules.rule import SEVERITIES, Check, Condition, Rule, RuleId, Severity

__all__ = ["RULES", "SEVERITIES", "Check", "Condition", "Finding", "Rule", "RuleId", "Severity"]
