"""`audit --live`: asks before it spends, sends, and shows what was measured beside what was predicted."""

from __future__ import annotations

import os
from pathlib import Path

from cachekit.auditing.live import LiveOptions, Prepared, prepare_proof, prove
from cachekit.auditing.run import AuditRun
from cachekit.cli.audit import live_text as forms
from cachekit.cli.audit.show import show
from cachekit.cli.common.emit import emit
from cachekit.cli.common.spending import amount, confirm_spending
from cachekit.cli.common.text import usd
from cachekit.core.config.find import load_config
from cachekit.core.model.errors import UsageError

_FORMS = ("text", "json")


def proven(run: AuditRun, budget: str, yes: bool, where: tuple[str, Path | None]) -> bool:
    """Proves the one request of a run and shows audit and proof; whether the second call read."""
    form, output = where
    if form not in _FORMS:
        raise UsageError(f"--live has no format {form[:20]!r}", hint="choose text or json")
    if len(run.audited) != 1:
        raise UsageError("--live takes one request", hint="run it once for each")
    audited = run.audited[0]
    config = load_config(Path.cwd(), os.environ)
    options = LiveOptions(
        budget=amount(budget),
        tables={"policy": config.policy, "models": config.models, "pricing": config.pricing},
        library_version=audited.report.library_version or None,
    )
    prepared = prepare_proof(audited.place.request, audited.report.backend, options)
    if form == "text":
        show(run, form, output, False)
    _confirm(prepared, yes)
    proof = prove(prepared, options)
    emit(
        forms.as_json(proof, audited.report.verdict) if form == "json" else forms.text(proof), _proof_file(form, output)
    )
    return proof.read


def _proof_file(form: str, output: Path | None) -> Path | None:
    """The proof goes to stdout beside the audit, and into the file only where it is the whole document."""
    return output if form == "json" else None


def _confirm(prepared: Prepared, yes: bool) -> None:
    """Money is spent only where somebody said so."""
    predicted = prepared.predicted
    what = f"send this request twice to {prepared.ping.backend.value} ({prepared.ping.prompt.scope.model})"
    cost = f"about {usd(predicted.first_usd + predicted.second_usd)}, at most {usd(predicted.most_usd)}"
    confirm_spending(f"{what} for {cost}", yes)
