"""`cachekit pull`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from cachekit.core.logs.native_write import Content

_LogGroup = Annotated[
    str | None, typer.Option(metavar="NAME", help="The log group, or its ARN.  [default: as Bedrock is set up]")
]
_S3 = Annotated[str | None, typer.Option("--s3", metavar="URI", help="Read s3://bucket/prefix in place of a group.")]
_Sources = Annotated[Path | None, typer.Option(help="A TOML file of roles, regions and groups or buckets.")]
_Since = Annotated[str, typer.Option(metavar="TIME", help="Calls from then on: RFC 3339, a date, or 24h, 7d.")]
_Until = Annotated[str | None, typer.Option(metavar="TIME", help="Calls before then.  [default: now]")]
_Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="The call log to write and, later, to go on with.")
]
_Mode = Annotated[str, typer.Option(help="filter (FilterLogEvents) or insights (Logs Insights, which costs by scan).")]
_Filter = Annotated[str | None, typer.Option("--filter", help="A filter pattern; with insights, a filter expression.")]
_Sample = Annotated[
    float | None, typer.Option(metavar="SHARE", help="With --mode insights: a share of the calls, such as 0.1.")
]
_Region = Annotated[str | None, typer.Option(help="The AWS region.")]
_Profile = Annotated[str | None, typer.Option(help="A profile of the AWS configuration.")]
_Role = Annotated[str | None, typer.Option(metavar="ARN", help="A role to read as.")]
_Follow = Annotated[bool, typer.Option("--follow", help="Go on with what is new, until Ctrl-C or --until.")]
_MaxEvents = Annotated[int | None, typer.Option(min=1, help="At most so many calls of each source.")]
_Bodies = Annotated[bool, typer.Option("--bodies", help="Fetch bodies that Bedrock put into S3.")]
_Content = Annotated[str, typer.Option(help="Of prompts, keep digests, full (the text) or none.")]
_Metrics = Annotated[bool, typer.Option("--metrics", help="Say what CloudWatch counted and the log does not hold.")]


def pull(
    log_group: _LogGroup = None,
    s3: _S3 = None,
    sources: _Sources = None,
    since: _Since = "24h",
    until: _Until = None,
    output: _Output = None,
    mode: _Mode = "filter",
    filter_: _Filter = None,
    sample: _Sample = None,
    region: _Region = None,
    profile: _Profile = None,
    role_arn: _Role = None,
    follow: _Follow = False,
    max_events: _MaxEvents = None,
    bodies: _Bodies = False,
    content: _Content = "digests",
    metrics: _Metrics = False,
) -> None:
    """Pull Bedrock's invocation log from CloudWatch Logs or S3 into a call log.

    Run again with the same -o, it goes on where it stopped, also after a crash. Exit code 0: all came; 2: wrong use;
    3: AWS failed, also in part.
    """
    from cachekit.cli.pull.text import Watcher, close
    from cachekit.pull.command import Context, run_pull
    from cachekit.pull.options import Place, PullOptions, PullSource, Reading, find_sources, parse_mode, parse_time

    context = Context(Path.cwd(), os.environ)
    now = context.clock.now()
    options = PullOptions(
        sources=find_sources(PullSource(Place(region, profile, role_arn), log_group, s3), sources),
        since=parse_time(since, now),
        until=None if until is None else parse_time(until, now),
        reading=Reading(parse_mode(mode), filter_, sample, bodies, cast("Content", content)),
        max_events=max_events,
        follow=follow,
        metrics=metrics,
    )
    with Watcher() as watcher:
        done = run_pull(options, output, replace(context, on_progress=watcher.update))
    raise typer.Exit(close(done))
