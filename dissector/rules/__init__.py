"""The rules of the protocol as one table: what the checker names, and all that the program says of a rule."""

from dissector.rules.rule import Group, Rule, Severity
from dissector.rules.table import RULES

__all__ = ["RULES", "Group", "Rule", "Severity"]
