"""`cachekit rules`: what the audit looks for, and why."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cachekit.cli.common.emit import emit
from cachekit.cli.common.text import hanging, styled
from cachekit.core.model.errors import UsageError

if TYPE_CHECKING:
    from cachekit.core.auditors.rules.rule import Rule

STYLES = {"info": "cyan", "warn": "yellow", "error": "red"}


class Format(StrEnum):
    """How the rules are written."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def rules(
    rule: Annotated[str | None, typer.Argument(metavar="RULE-ID", help="Explain this rule.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to write them.")] = Format.TEXT,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file.")] = None,
) -> None:
    """List the audit's rules, or explain one: what it finds, why it matters, a bad and a good example."""
    from cachekit.core.auditors.rules import RULES

    chosen = RULES if rule is None else (_named(RULES, rule),)
    if form is Format.JSON:
        from cachekit.cli.common.json_form import envelope

        emit(envelope("rules/1", {"rules": [_rule_json(each) for each in chosen]}), output)
    elif rule is not None:
        emit(_explained(chosen[0], form), output)
    elif form is Format.MARKDOWN:
        emit(rules_table(chosen), output)
    else:
        emit("".join(_line(each, max(len(other.id) for other in chosen)) for each in chosen), output)


def _line(rule: Rule, width: int) -> str:
    severity = styled(rule.severity, STYLES[rule.severity])
    return hanging(f"{rule.id:{width}}  {severity}{' ' * (7 - len(rule.severity))}", rule.summary)


def rules_table(listed: tuple[Rule, ...]) -> str:
    """The rules as a Markdown table, as the README shows it. Summaries are Markdown already."""
    rows = [f"| `{r.id}` | {r.severity} | {r.summary.replace('|', chr(92) + '|')} |" for r in listed]
    return "\n".join(["| Rule | Severity | Finds |", "| --- | --- | --- |", *rows, ""])


def _named(listed: tuple[Rule, ...], name: str) -> Rule:
    """The rule of a name; underscores and capitals are forgiven."""
    wanted = name.lower().replace("_", "-")
    for each in listed:
        if each.id == wanted:
            return each
    from difflib import get_close_matches

    near = get_close_matches(wanted, [each.id for each in listed], 1)
    raise UsageError(f"no rule {name[:40]!r}", hint=f"did you mean {near[0]}?" if near else "see `cachekit rules`")


def _explained(rule: Rule, form: Format) -> str:
    if form is Format.MARKDOWN:
        return f"## {rule.id} ({rule.severity})\n\n{rule.docs}\n"
    return f"{styled(rule.id, 'bold')} ({styled(rule.severity, STYLES[rule.severity])})\n\n{rule.docs}\n"


def _rule_json(rule: Rule) -> dict[str, object]:
    return {"id": rule.id, "severity": rule.severity.value, "summary": rule.summary, "docs": rule.docs}
