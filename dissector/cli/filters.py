"""Display filters and columns, for every command that lists something."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from dissector.errors import UserError

if TYPE_CHECKING:
    from dissector.filter import Filter, Scope
    from dissector.filter.columns import Form, Table

FORMS = ("fields", "csv", "tsv", "json", "jsonl")
"""What -T takes; a test holds it against the module that prints them, which is loaded only where it is asked for."""

FILTERS = """\
filters, as in Wireshark (its fields begin with xenmig., which may be left out here):
  name == "PAGE_DATA"                  == != < <= > >= (eq ne lt le gt ge), "a" contains "b", "a" matches "b.*"
  pfn in {0x3f1, 0x400..0x4ff}         sets and ranges; a record has any number of pfns, and one of them is enough
  fault.latency > 0.05 and not text    and or xor not (&& || ^^ !), parentheses; a field alone: there is one
  count(pfn) > 100, all pfn < 0x1000   count len lower upper; any, all
  --fields lists the fields
"""


WIDTH = 32
"""Columns of a field's name where fields are listed; a few are longer."""


class Fields(argparse.Action):
    """Lists the fields of a scope."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        # Imported here: it is for who asks alone.
        from dissector.cli.terminal import fitted

        fields = scope(str(self.const)).fields.values()
        width = min(WIDTH, max(len(one.name) for one in fields))
        for one in fields:
            about = one.shown.doc or one.shown.label
            print(fitted(f"{one.name:<{width}}  {one.kind:<7}  {about}".rstrip()))
        parser.exit()


def add_filter(parser: argparse.ArgumentParser, of: str) -> None:
    """The option that chooses rows. `of`: which scope of `filter.fields`."""
    parser.add_argument(
        "-Y",
        "--display-filter",
        metavar="FILTER",
        help="only what this expression is true of, as in Wireshark: see below",
    )
    parser.add_argument("--fields", action=Fields, nargs=0, const=of, help="list what a filter can ask for, and end")


def add_columns(parser: argparse.ArgumentParser, form: Any) -> None:
    """The options that print fields as tshark does. `form`: the group of what excludes one another."""
    form.add_argument("-T", dest="form", choices=FORMS, help="print fields (those of -e) in this form")
    parser.add_argument("-e", dest="columns", action="append", default=[], metavar="FIELD", help="a column of -T")
    parser.add_argument(
        "-E",
        dest="habits",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of -T fields, as in tshark: header=y, separator=,, occurrence=f|l|a, aggregator=;, quote=d|s|n",
    )


def scope(of: str) -> Scope[Any]:
    """The scope of that name."""
    found: Scope[Any] = getattr(import_module("dissector.filter.fields"), of)()
    return found


def filtering(arguments: argparse.Namespace, of: str) -> Filter[Any] | None:
    """What the command's filter asks of rows; None: there is no filter. Raises UserError."""
    if arguments.display_filter is None:
        return None
    # Imported here, as below: it would be a third of the time to start.
    from dissector.filter import parse

    return parse(arguments.display_filter, scope(of))


def table(arguments: argparse.Namespace, of: str, default: Sequence[str]) -> Table | None:
    """What prints the columns that were asked for; None: nobody asked for columns. `default`: the columns of a table
    for which none were named. Raises UserError."""
    form: Form | None = arguments.form or ("fields" if arguments.columns else None)
    if form is None:
        if arguments.habits:
            raise UserError("-E is of -T fields, which was not asked for")
        return None
    from dissector.filter.columns import Table, chosen, habits

    if form == "fields" and not arguments.columns:
        raise UserError("-T fields wants columns: -e FIELD, any number of them; --fields lists them")
    if arguments.habits and form != "fields":
        raise UserError(f"-E is of -T fields, and not of -T {form}")
    names = arguments.columns or (() if form in ("json", "jsonl") else default)
    return Table(form, chosen(names, scope(of)), habits(arguments.habits), sys.stdout)
