"""Audit: will this request be cached, and if not, why not?

The request is translated as its library would, lowered, measured, held against the cache policy of its model and host,
and looked at by every rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cachekit.core.auditors.against import Comparison, compare_with_earlier, timed_requests
from cachekit.core.auditors.choose import has_left, resolve_backend
from cachekit.core.auditors.forecast import forecast
from cachekit.core.auditors.records import Unwrapped, betas, unwrap
from cachekit.core.auditors.report import AuditReport
from cachekit.core.auditors.user_routes import on_user_request, on_user_routes
from cachekit.core.auditors.verdict import verdict_of
from cachekit.core.cache.implicit import with_policy
from cachekit.core.cache.marks import judge_marks
from cachekit.core.catalog.policy import Policy, find_policy
from cachekit.core.catalog.tokens import measure
from cachekit.core.catalog.tokens.counted import with_total
from cachekit.core.libraries import library_for, translate, version_for
from cachekit.core.libraries.origins import as_sent
from cachekit.core.libraries.placing import describe_form
from cachekit.core.libraries.sent import Sent, sent_marks
from cachekit.core.libraries.versions import check_release, speaks_of_caching
from cachekit.core.libraries.wire import Wire
from cachekit.core.model.backends import Backend, api_of
from cachekit.core.model.calls import Billing
from cachekit.core.model.captured import Captured
from cachekit.core.model.findings import Confidence, Finding, Severity, Verdict
from cachekit.core.model.ground import Ground
from cachekit.core.model.prompt import Note, Prompt, Tokens
from cachekit.core.model.routes import nearest
from cachekit.core.pricing import Rates, find_rates
from cachekit.core.providers import lower


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """What an audit may be told: the library's release, an exact token count of the whole prompt, the moment (seconds
    since 1970) for dated prices, rules whose findings are shown or not, the user's own tables from the config, a
    LiteLLM proxy's config, the report of the request before this one, whose prefix this one should extend,
    and who serves the request where that is not the maker of its form."""

    library_version: str | None = None
    tokens: int | None = None
    now: float | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    policy: Mapping[str, object] | None = None
    models: Mapping[str, str] | None = None
    pricing: Mapping[str, Mapping[str, object]] | None = None
    proxy: Mapping[str, object] | None = None
    previous: AuditReport | None = None
    host: str = ""


def audit_with(
    request: Mapping[str, object] | Captured, backend: Backend | str | None, options: AuditOptions
) -> AuditReport:
    """Audits one request. Never raises on a request, whatever JSON it is; UsageError where its backend is unknown."""
    return audit_unwrapped(unwrap(request), backend, options)


def audit_unwrapped(unwrapped: Unwrapped, backend: Backend | str | None, options: AuditOptions) -> AuditReport:
    """`audit_with` for a request that was taken out of its record."""
    chosen = resolve_backend(unwrapped, backend)
    wire = _wire(unwrapped, chosen, options)
    host = options.host or unwrapped.host or wire.host or _host(wire)
    policy = find_policy(wire.model or _model(wire), host, _overrides(options), api_of(wire.backend))
    prompt = _prompt(wire, unwrapped, policy, options)
    compared = compare_with_earlier(options.previous, prompt, policy) if options.previous else Comparison()
    form = "" if has_left(unwrapped, chosen) else describe_form(unwrapped.request, chosen)
    written = (Note("breakpoint_form", "", form),) if form else ()
    prompt = replace(prompt, notes=(*compared.notes, *prompt.notes, *written))
    found = _run_rules(prompt, policy)
    if wire.ground is Ground.ASSUMED:
        # where nothing asks for a breakpoint, no way of any library makes one
        sure = _OF_THE_TEXT if speaks_of_caching(unwrapped.request) else _OF_THE_TEXT | {"no-mark"}
        found = tuple(finding if finding.rule in sure else _assumed(finding) for finding in found)
    speaking = tuple(finding for finding in found if _speaks(finding, options))
    shown = [
        on_user_request(finding, unwrapped.request, wire.origin) for finding in found if _is_shown(finding, options)
    ]
    rates = _rates(policy, prompt, options)
    return AuditReport(
        backend=chosen,
        library="" if has_left(unwrapped, chosen) else library_for(chosen).name,
        library_version="" if has_left(unwrapped, chosen) else version_for(chosen, options.library_version),
        policy=policy,
        prompt=prompt,
        verdict=verdict_of(speaking, prompt, policy),
        findings=tuple(_priced(finding, rates) for finding in shown),
        marks=judge_marks(prompt, policy),
        sent=_sent(wire, prompt),
        raises=wire.raises,
        forecast=forecast(prompt, policy, rates) if rates else None,
        changes=compared.changes,
        earlier=timed_requests(options.previous) if options.previous else (),
        unshown=_unshown(speaking, options),
        priced_by=rates.source if rates else "",
        rates=rates,
    )


def wire_of(request: Mapping[str, object] | Captured, backend: Backend | str | None, options: AuditOptions) -> Wire:
    """What the library would send for a request; errors as for `audit`."""
    unwrapped = unwrap(request)
    return _wire(unwrapped, resolve_backend(unwrapped, backend), options)


def _wire(unwrapped: Unwrapped, backend: Backend, options: AuditOptions) -> Wire:
    if has_left(unwrapped, backend):
        return as_sent(unwrapped.request, backend)
    if options.library_version is not None:
        check_release(library_for(backend).name, options.library_version)
    return translate(as_called(unwrapped.request, backend, options), backend, options.library_version)


def as_called(request: Mapping[str, object], backend: Backend, options: AuditOptions) -> Mapping[str, object]:
    """The request as its library is called with it: a proxy puts another model and keywords of its own in."""
    if backend is not Backend.LITELLM or options.proxy is None:
        return request
    from cachekit.core.libraries.litellm import load_proxy_config, resolve_alias

    return resolve_alias(request, load_proxy_config(options.proxy))


def _model(wire: Wire) -> str:
    return str(wire.body.get("model") or wire.body.get("modelId") or "")


def _host(wire: Wire) -> str:
    return {
        Backend.ANTHROPIC: "anthropic",
        Backend.ANTHROPIC_BEDROCK_MANTLE: "bedrock-mantle",
        Backend.OPENAI_CHAT: "openai",
        Backend.OPENAI_RESPONSES: "openai",
        Backend.GEMINI: "google",
    }.get(wire.backend, "bedrock")


def _overrides(options: AuditOptions) -> Mapping[str, object]:
    return {"policy": options.policy or {}, "models": options.models or {}, "pricing": options.pricing or {}}


def _prompt(wire: Wire, unwrapped: Unwrapped, policy: Policy, options: AuditOptions) -> Prompt:
    """The prompt on the user's own routes, with the notes of all who touched it, measured."""
    prompt = measure(with_policy(lower(wire.body, wire.backend, routed=wire.routed), policy))
    prompt = on_user_routes(prompt, wire.origin)
    scope = replace(
        prompt.scope,
        model=wire.model or prompt.scope.model,
        provider=wire.provider or prompt.scope.provider,
        host=options.host or wire.host or prompt.scope.host,
    )
    prompt = replace(prompt, scope=scope)
    notes = (*unwrapped.notes, *betas(unwrapped.request), *wire.library_notes(), *prompt.notes)
    prompt = replace(prompt, notes=notes)
    counted = unwrapped.tokens if options.tokens is None else options.tokens
    return prompt if counted is None else with_total(prompt, counted)


def _run_rules(prompt: Prompt, policy: Policy) -> tuple[Finding, ...]:
    from cachekit.core.auditors.rules import RULES

    return tuple(finding for rule in RULES for finding in rule(prompt, policy))


_OF_THE_TEXT = frozenset({"below-minimum", "no-caching-model", "unknown-model", "prefix-changed", "volatile-text"})
"""Rules that judge text and model, which a library leaves as they are."""


def _assumed(finding: Finding) -> Finding:
    """A finding about a body that is only assumed: no error, no edit, and no more than unsure."""
    return replace(
        finding,
        severity=Severity.WARN if finding.severity is Severity.ERROR else finding.severity,
        confidence=Confidence.SUSPECTED,
        verdict=Verdict.UNSURE if finding.verdict is Verdict.NO else finding.verdict,
        edits=(),
    )


def _is_shown(finding: Finding, options: AuditOptions) -> bool:
    return finding.rule not in options.ignore and (not options.select or finding.rule in options.select)


def _speaks(finding: Finding, options: AuditOptions) -> bool:
    """Whether a finding speaks in the verdict: a suspicion that the user ignores does not, a fact does all the same."""
    return finding.rule not in options.ignore or finding.confidence is Confidence.CONFIRMED


def _unshown(speaking: tuple[Finding, ...], options: AuditOptions) -> tuple[str, ...]:
    rules = [f.rule for f in speaking if f.verdict is not None and not _is_shown(f, options)]
    return tuple(dict.fromkeys(rules))


def _sent(wire: Wire, prompt: Prompt) -> tuple[Sent, ...]:
    """The breakpoints on the wire, on the user's routes, with the tokens before each where its block is known."""
    if wire.raises is not None:
        return ()
    running = {block.route: total for block, total in zip(prompt.blocks, prompt.running(), strict=True)}
    origin = dict(wire.origin)
    out = []
    for mark in sent_marks(wire.body, wire.backend):
        route = nearest(mark.route, origin)
        out.append(replace(mark, route=route, tokens_before=running.get(route, Tokens())))
    return tuple(out)


def _rates(policy: Policy, prompt: Prompt, options: AuditOptions) -> Rates | None:
    model, size = prompt.scope.model, prompt.total().mid
    billing = Billing(batch=any(note.code == "in_batch" for note in prompt.notes))
    overrides = _overrides(options)
    return find_rates(model, policy.host, at=options.now, prompt_tokens=size, billing=billing, overrides=overrides)


def _priced(finding: Finding, rates: Rates | None) -> Finding:
    """The dollars at stake a call: what the tokens cost above a read."""
    if rates is None or rates.input is None or rates.read is None or not finding.tokens:
        return finding
    return replace(finding, usd=(rates.input - rates.read) * finding.tokens / 1_000_000)
