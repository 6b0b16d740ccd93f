"""Questions to a dataset, asked in SQL of DuckDB over its Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import duckdb

from dissector.errors import UserError
from dissector.fleet.dataset import Dataset
from dissector.tables.rows import TABLES
from dissector.units import printable, shell_word

OVERVIEW = """
create or replace temp view overview as
select m.*, begins, ends, (epoch_ns(ends) - epoch_ns(begins)) / 1e9 as seconds,
       flow_source_address || ' -> ' || flow_destination_address as hosts,
       coalesce(guest_name, guest_uuid, '?') as guest,
       (select rule from findings f where f.capture = m.capture and f.migration = m.migration and severity = 'error'
        order by time limit 1) as first_error,
       coalesce((select size is not null from captures c where c.capture = m.capture), false)
       and not contains(m.capture, '://') as is_file
from migrations m left join (
    select capture, migration, min(start_time) as begins, max(end_time) as ends from phases group by all
) using (capture, migration)
"""
"""A row a migration, with what the questions ask of it."""


class Question(NamedTuple):
    """One part of the report."""

    title: str
    sql: str


QUESTIONS = (
    Question(
        "captures",
        """select count(*) as captures, count(problem) as with_a_problem, sum(packets)::bigint as packets,
        round(sum(bytes) / 1e9, 3) as gigabytes, (select count(*) from overview) as migrations from captures""",
    ),
    Question(
        "by day",
        """select begins::date as day, count(*) as migrations, count(*) filter (outcome = 'completed') as completed,
        count(*) filter (outcome = 'failed') as failed, round(median(seconds), 3) as median_seconds
        from overview group by day order by day""",
    ),
    Question(
        "by hosts",
        """select hosts, count(*) as migrations, count(*) filter (outcome = 'failed') as failed,
        round(median(seconds), 3) as median_seconds, round(median(bytes_forward / nullif(seconds, 0)) / 1e6, 1)
        as median_megabytes_per_second from overview group by hosts order by migrations desc, hosts limit 20""",
    ),
    Question(
        "by guest",
        """select guest, count(*) as migrations, count(*) filter (outcome = 'failed') as failed,
        round(median(seconds), 3) as median_seconds from overview group by guest
        order by migrations desc, guest limit 20""",
    ),
    Question(
        "by outcome and first error",
        """select kind, outcome, first_error, count(*) as migrations from overview group by all
        order by migrations desc, kind, outcome, first_error limit 20""",
    ),
    Question(
        "distributions",
        """select what, count(value) as migrations, min(value) as min, median(value) as median,
        quantile_cont(value, 0.95) as p95, max(value) as max from (
            select 'seconds' as what, seconds as value from overview
            union all select 'megabytes a second', bytes_forward / nullif(seconds, 0) / 1e6 from overview
            union all select 'seconds of downtime, postcopy', postcopy_downtime from overview
            union all select 'seconds of latency, median', postcopy_latency_median from overview
        ) where value is not null group by what order by what""",
    ),
    Question(
        "outliers",
        """select * from (
            select 'longest' as what, round(seconds, 3) as value, if(is_file, 'analyze', null) as command, capture
            from overview
            where seconds is not null order by seconds desc limit 3)
        union all select * from (
            select 'longest downtime', round(postcopy_downtime, 6), if(is_file, 'analyze', null), capture from overview
            where postcopy_downtime is not null order by postcopy_downtime desc limit 3)
        union all select * from (
            select 'slowest fault', round(max(latency), 6) as value,
            if(bool_or(is_file), 'faults --slowest 5', null), capture
            from faults left join overview using (capture, migration)
            where not in_flight and latency is not null group by capture order by value desc limit 3)""",
    ),
)


class Answer(NamedTuple):
    """What came of a question: the names of its columns, and rows."""

    names: tuple[str, ...]
    rows: list[tuple[Any, ...]]


class Questions:
    """A dataset that can be asked."""

    def __init__(self, dataset: Dataset) -> None:
        """Raises UserError where nothing is in it."""
        self._base = duckdb.connect()
        for name in TABLES:
            found = dataset.table(name)
            if name == "captures" and not found.num_rows:
                raise UserError(f"{dataset.url} holds no dataset")
            self._base.register(name, found)
        self._base.execute(OVERVIEW)

    def ask(self, sql: str) -> Answer:
        """The answer to a question in SQL over the tables and `overview`. Raises UserError where it is none."""
        try:
            found = self._base.execute(sql)
            if found is None:
                raise UserError("--sql: there is no question in it")
            return Answer(tuple(one[0] for one in found.description or ()), found.fetchall())
        except duckdb.Error as error:
            raise UserError(f"--sql: {str(error).splitlines()[0]}") from error

    def report(self) -> Iterator[tuple[str, Answer]]:
        """The answer to each of QUESTIONS, with its title."""
        for question in QUESTIONS:
            yield question.title, _runnable(self.ask(question.sql), self._sets())

    def _sets(self) -> dict[str, list[str]]:
        """The files of each capture that was read from several."""
        return dict(self.ask("select capture, joined from captures where len(joined) > 1").rows)


def _runnable(answer: Answer, sets: Mapping[str, list[str]]) -> Answer:
    """The words of a command and what it opens as one line for a shell; without words there is no file to open: live
    saw it, or it is in a storage that no other command reads."""
    if answer.names[-2:] != ("command", "capture"):
        return answer
    rows = [
        (*rest, f"xenshark {words} {_files(capture, sets)}" if words else f"{_elsewhere(capture)}: {capture}")
        for *rest, words, capture in answer.rows
    ]
    return Answer(answer.names[:-1], rows)


def _files(capture: str, sets: Mapping[str, list[str]]) -> str:
    """What a shell takes for them."""
    files = sets.get(capture)
    return shell_word(capture) if files is None else " ".join(("--join", *map(shell_word, files)))


def _elsewhere(capture: str) -> str:
    return "in storage" if "://" in capture else "seen by live"


def as_text(answer: Answer) -> list[str]:
    """A table for people, numbers to the right."""
    rows = [answer.names, *([_text(value) for value in row] for row in answer.rows)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(answer.names))]
    numbers = [all(isinstance(row[at], int | float | None) for row in answer.rows) for at in range(len(widths))]
    return ["  ".join(_cell(*one) for one in zip(row, widths, numbers, strict=True)).rstrip() for row in rows]


def _cell(text: str, width: int, is_number: bool) -> str:
    return text.rjust(width) if is_number else text.ljust(width)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return printable(str(value))
