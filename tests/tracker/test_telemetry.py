"""OpenTelemetry by its own SDK: attributes on the span that a call began in, and metrics."""

from __future__ import annotations

import anthropic
import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan

from tests.emulator.bodies import claude
from tests.tracker.tracked import tracker_of

READER = InMemoryMetricReader()
SPANS = InMemorySpanExporter()


@pytest.fixture(scope="module", autouse=True)
def _providers():
    """A program sets its providers once."""
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(SPANS))
    trace.set_tracer_provider(tracing)
    metrics.set_meter_provider(MeterProvider(metric_readers=[READER]))


@pytest.fixture
def telling(emulator, _providers):
    SPANS.clear()
    return tracker_of(emulator, otel=True, labels={"team": "search"})


@pytest.fixture
def client(url, telling):
    return telling.instrument(anthropic.Anthropic(base_url=url, api_key="any"))


def attributes(name: str) -> dict:
    (span,) = [span for span in SPANS.get_finished_spans() if span.name == name]
    return dict(span.attributes)


def test_the_current_span_gets_the_genai_attributes(client, telling, emulator):
    tracer = trace.get_tracer("test")
    with tracer.start_as_current_span("write"):
        client.messages.create(**claude())
    with tracer.start_as_current_span("read"):
        list(client.messages.create(**claude(), stream=True))
    write, read = attributes("write"), attributes("read")
    cached = read["gen_ai.usage.cache_read.input_tokens"]
    assert write["gen_ai.usage.cache_creation.input_tokens"] == cached > 1024
    assert write["gen_ai.usage.cache_read.input_tokens"] == 0
    assert read["gen_ai.usage.input_tokens"] == cached + emulator.calls[-1].usage.uncached
    assert read["gen_ai.usage.output_tokens"] == emulator.calls[-1].usage.output
    assert read["gen_ai.response.model"] == "claude-sonnet-4-6"


def test_outside_of_a_span_nothing_happens(client, telling):
    client.messages.create(**claude())
    assert len(telling.calls()) == 1
    assert SPANS.get_finished_spans() == () or all(span.name != "write" for span in SPANS.get_finished_spans())


def test_a_usage_that_is_not_known_sets_no_cache_attributes(telling):
    with trace.get_tracer("test").start_as_current_span("unknown"):
        telling.wrap(lambda **body: {"usage": {"input_tokens": 5, "output_tokens": 2}})(**claude())
    assert attributes("unknown") == {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2}


class Broken(NonRecordingSpan):
    """A span that takes nothing."""

    def is_recording(self) -> bool:
        return True

    def set_attribute(self, key: str, value: object) -> None:
        raise ValueError(key)


def test_a_span_that_takes_nothing_hurts_no_call(client, telling):
    with trace.use_span(Broken(trace.INVALID_SPAN_CONTEXT), record_exception=False, set_status_on_exception=False):
        assert client.messages.create(**claude()).usage.output_tokens
    assert len(telling.calls()) == 1


def test_failures_are_counted_as_errors(url, telling, emulator):
    before = total(points(), "cachekit.calls", cachekit__cause="error")
    emulator.inject("400")
    failing = telling.instrument(anthropic.Anthropic(base_url=url, api_key="any", max_retries=0))
    with pytest.raises(anthropic.BadRequestError):
        failing.messages.create(**claude())
    telling.flush()
    assert total(points(), "cachekit.calls", cachekit__cause="error") == before + 1


def points() -> dict[str, dict[tuple, object]]:
    """What was counted so far: by metric, the value of each set of attributes."""
    found: dict[str, dict[tuple, object]] = {}
    data = READER.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                rows = found.setdefault(metric.name, {})
                for point in metric.data.data_points:
                    value = getattr(point, "value", None)
                    rows[tuple(sorted(point.attributes.items()))] = point.sum if value is None else value
    return found


def total(found: dict, name: str, **wanted: str) -> float:
    """The sum of a metric over the points that have these attributes."""
    pairs = {(key.replace("__", "."), value) for key, value in wanted.items()}
    return sum(value for key, value in found.get(name, {}).items() if pairs <= set(key))


def test_metrics_count_tokens_calls_and_dollars(client, telling, emulator):
    before = points()
    for _ in range(3):
        client.messages.create(**claude())
    telling.flush()
    after = points()

    def grown(name: str, **wanted: str) -> float:
        return total(after, name, **wanted) - total(before, name, **wanted)

    sums = telling.aggregate()
    assert grown("cachekit.tokens", cachekit__kind="read") == sums["tokens_read_from_cache"] > 0
    assert grown("cachekit.tokens", cachekit__kind="written") == sums["tokens_written_to_cache"] > 0
    assert grown("cachekit.calls", cachekit__cause="cold") == 1
    assert grown("cachekit.calls", cachekit__cause="none") == 2
    assert grown("cachekit.cost") == pytest.approx(sums["cost_usd"])
    assert grown("cachekit.saved") == pytest.approx(sums["cost_saved_usd"])
    assert grown("cachekit.hit_ratio", cachekit__label__team="search") == 2.0
    assert grown("gen_ai.client.token.usage", gen_ai__token__type="input") == sum(
        served.usage.input_total for served in emulator.calls[-3:]
    )
    assert grown("gen_ai.client.operation.duration", gen_ai__provider__name="anthropic") > 0
