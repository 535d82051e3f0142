"""`cachekit warm`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

_Requests = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="REQUEST...", help="Request files.  [default: the scopes of the config]", show_default=False
    ),
]
_Backend = Annotated[str | None, typer.Option(help="Whose form the requests have; auto tells it by their shape.")]
_Interval = Annotated[
    str | None, typer.Option(metavar="SECONDS", help="Between two pings, or auto.  [default: by ttl]")
]
_Ttl = Annotated[str | None, typer.Option(help="The lifetime to ask for.  [default: the request's own]")]
_Verify = Annotated[bool, typer.Option("--verify", help="Act on what answers prove: misses, early expiry.")]
_Once = Annotated[bool, typer.Option("--once", help="Warm every scope once, then end.")]
_For = Annotated[str | None, typer.Option("--for", metavar="TIME", help="End after 90s, 30m, 8h.")]
_Ticks = Annotated[int | None, typer.Option(min=1, help="Pings of each scope, then it ends.")]
_Budget = Annotated[str | None, typer.Option(metavar="USD", help="What each scope may spend, then it ends.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be sent and what it costs; send nothing.")]
_Url = Annotated[str | None, typer.Option(metavar="URL", help="Send there, such as to `cachekit emulate`.")]
_Region = Annotated[str | None, typer.Option(help="The AWS region.")]
_Profile = Annotated[str | None, typer.Option(help="A profile of the AWS or Anthropic configuration.")]
_Breakpoint = Annotated[
    int | None,
    typer.Option("--breakpoint", min=1, metavar="N", help="Warm up to this breakpoint.  [default: the last]"),
]
_Tokens = Annotated[int | None, typer.Option(min=0, help="Limit on output.  [default: the least the API takes]")]
_Concurrency = Annotated[int, typer.Option(min=1, help="Pings under way at once, at most.")]
_Log = Annotated[
    Path | None, typer.Option(help="The call log to write pings to, flagged warm.  [default: the config's]")
]
_Skip = Annotated[
    bool, typer.Option("--skip-on-traffic", help="Skip pings where the call log shows the prefix in use.")
]
_Plan = Annotated[
    Path | None, typer.Option(metavar="LOG", help="Say for which calls of a log warming would have paid.")
]
_Version = Annotated[str | None, typer.Option(help="The library's release.  [default: the installed]")]
_Force = Annotated[bool, typer.Option("--force", help="Start although another process warms these scopes.")]
_Allow = Annotated[
    bool, typer.Option("--allow-config", help="Let a configuration that was found send to its base_url.")
]
_Form = Annotated[str, typer.Option("--format", help="text or json (an object a tick).")]


def warm(
    context: typer.Context,
    requests: _Requests = None,
    backend: _Backend = None,
    interval: _Interval = None,
    ttl: _Ttl = None,
    verify: _Verify = False,
    once: _Once = False,
    duration: _For = None,
    max_ticks: _Ticks = None,
    budget_usd: _Budget = None,
    dry_run: _DryRun = False,
    base_url: _Url = None,
    region: _Region = None,
    profile: _Profile = None,
    breakpoint_: _Breakpoint = None,
    max_tokens: _Tokens = None,
    concurrency: _Concurrency = 8,
    log: _Log = None,
    skip_on_traffic: _Skip = False,
    plan: _Plan = None,
    library_version: _Version = None,
    force: _Force = False,
    allow_config: _Allow = False,
    form: _Form = "text",
) -> None:
    """Keep prefixes in the provider's cache: each is sent again before it lapses, with next to no output.

    Credentials are the SDKs' own. Ctrl-C ends it with a summary. Exit code 0: fine, also when stopped; 1: --once
    --verify, and a prefix was not read; 2: wrong use, or nothing to warm; 3: the provider failed.
    """
    from cachekit.cli.warm.run import run
    from cachekit.warm.options import CommandOptions

    options = CommandOptions(
        requests=tuple(requests or ()),
        backend=backend,
        interval=interval,
        ttl=ttl,
        verify=verify,
        breakpoint=breakpoint_,
        max_tokens=max_tokens,
        max_ticks=max_ticks,
        budget_usd=budget_usd,
        region=region,
        profile=profile,
        base_url=base_url,
        library_version=library_version,
        once=once,
        duration=duration,
        dry_run=dry_run,
        concurrency=concurrency,
        log=log,
        skip_on_traffic=skip_on_traffic,
        plan=plan,
        force=force,
        allow_config=allow_config,
        form=form,
        coloured=context.color is not False,
    )
    raise typer.Exit(run(options, os.environ))
