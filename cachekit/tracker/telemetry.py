"""OpenTelemetry, by its API alone: GenAI attributes on the span that a call began in, and metrics.

Attributes and metrics are named by the semantic conventions for generative AI where they have a name for it; input
tokens there include the cached ones. What is ours begins with `cachekit.`
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from cachekit.core.model.calls import Call
from cachekit.core.model.errors import UsageError
from cachekit.core.model.usage import Usage
from cachekit.core.providers.responses import read_response
from cachekit.tracker.metrics import CallMetrics, Cost
from cachekit.tracker.observation import Deliver, Record
from cachekit.tracker.reading import read_answer

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Span

_SCOPE = "cachekit"


def attributes_of(usage: Usage) -> dict[str, int]:
    """The GenAI attributes of a usage; of one that is not known only what is."""
    attributes = {"gen_ai.usage.input_tokens": usage.input_total, "gen_ai.usage.output_tokens": usage.output}
    if not usage.known:
        return {name: count for name, count in attributes.items() if count}
    cached = {
        "gen_ai.usage.cache_read.input_tokens": usage.read,
        "gen_ai.usage.cache_creation.input_tokens": usage.written,
    }
    return attributes | cached


class Telemetry:
    """Spans and metrics of one tracker. Without a configured SDK the API does nothing.

    Raises UsageError without the extra `otel`.
    """

    def __init__(self, meter: Meter | None = None) -> None:
        try:
            from opentelemetry import metrics
        except ModuleNotFoundError:
            raise UsageError("needs opentelemetry", hint="pip install 'llm-cachekit[otel]'") from None
        meter = meter or metrics.get_meter(_SCOPE)
        self._tokens = meter.create_counter("cachekit.tokens", "{token}", "Tokens: uncached, read, written, output")
        self._calls = meter.create_counter("cachekit.calls", "{call}", "Calls, by the cause of their miss")
        self._cost = meter.create_counter("cachekit.cost", "USD", "What calls cost")
        self._saved = meter.create_up_down_counter("cachekit.saved", "USD", "Cost without a cache minus cost")
        self._avoidable = meter.create_counter("cachekit.avoidable", "USD", "What due reads that did not happen cost")
        self._usage = meter.create_histogram("gen_ai.client.token.usage", "{token}", "Input and output tokens by call")
        self._duration = meter.create_histogram("gen_ai.client.operation.duration", "s", "Until the answer was whole")
        self._ratio = meter.create_histogram("cachekit.hit_ratio", "1", "Read of what was cacheable, by call")

    def beside(self, deliver: Deliver) -> Deliver:
        """The same delivery, with the attributes set on the span that is current now."""
        from opentelemetry.trace import get_current_span

        span = get_current_span()
        if not span.is_recording():
            return deliver

        def both(record: Record, may_wait: bool) -> None:
            with suppress(Exception):  # whatever a tracer's span does: the call goes on
                _mark(span, record)
            deliver(record, may_wait)

        return both

    def count(self, call: Call, metrics: CallMetrics, cost: Cost) -> None:
        """Add a call to the metrics. Labels of the caller are `cachekit.label.*`."""
        who = {"gen_ai.provider.name": metrics.provider, "gen_ai.request.model": call.model}
        who |= {f"cachekit.label.{name}": value for name, value in metrics.labels.items()}
        usage = metrics.usage
        kinds = {"uncached": usage.uncached, "read": usage.read, "written": usage.written, "output": usage.output}
        for kind, count in kinds.items():
            if count:
                self._tokens.add(count, {**who, "cachekit.kind": kind})
        for kind, count in (("input", usage.input_total), ("output", usage.output)):
            if count:
                self._usage.record(count, {**who, "gen_ai.token.type": kind})
        self._duration.record(metrics.elapsed_ms / 1000, who)
        outcome = metrics.cause.value if metrics.cause else "error" if metrics.failed else "none"
        self._calls.add(1, {**who, "cachekit.cause": outcome})
        if metrics.hit_ratio is not None:
            self._ratio.record(metrics.hit_ratio, who)
        for counter, value in ((self._cost, cost.paid), (self._saved, cost.saved), (self._avoidable, cost.avoidable)):
            if value:
                counter.add(float(value), who)


def _mark(span: Span, record: Record) -> None:
    """Set what is known of a call at its end. A span that has ended takes nothing more."""
    if not span.is_recording():
        return
    response = read_response(read_answer(record), record.sent.provider or None)
    for name, count in attributes_of(response.usage).items():
        span.set_attribute(name, count)
    if response.model:
        span.set_attribute("gen_ai.response.model", response.model)
