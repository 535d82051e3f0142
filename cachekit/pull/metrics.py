"""What CloudWatch counted beside the log: calls and tokens of `AWS/Bedrock`, logged against what was pulled.

The metrics count every successful call of bedrock-runtime by model, logged or not; calls of bedrock-mantle are in
neither. Input is counted without reads and writes, as in the log. Both come late, so the last minutes are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cachekit.core.jsonio.documents import value_of
from cachekit.core.jsonio.inputs import open_lines
from cachekit.core.jsonio.json_access import items, mapping, number, seconds, text
from cachekit.core.logs.bedrock import model_of
from cachekit.core.logs.native import usage_of
from cachekit.pull.aws import Service
from cachekit.pull.cursor import Span
from cachekit.pull.options import HOUR, MINUTE, SECOND

NAMESPACE = "AWS/Bedrock"
METRICS = (
    "Invocations",
    "InputTokenCount",
    "CacheReadInputTokenCount",
    "CacheWriteInputTokenCount",
    "OutputTokenCount",
)
"""In the order of `Counts`: calls, uncached, read, written, output."""

SETTLED = 10 * MINUTE
"""Later than this before now, neither the log nor the metrics are complete."""

_KEPT = ((15 * 24 * HOUR, MINUTE), (63 * 24 * HOUR, 5 * MINUTE))
"""How long CloudWatch keeps points of which length; older ones are of an hour."""

_QUERIES = 500

Counts = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A model in a region: what CloudWatch counted, and what the log holds. Both in the order of METRICS."""

    region: str
    model: str
    counted: Counts
    logged: Counts

    @property
    def missing(self) -> Counts:
        """What the log does not hold; negative where it holds more."""
        return tuple(theirs - ours for theirs, ours in zip(self.counted, self.logged, strict=True))


_NONE: Counts = (0,) * len(METRICS)


def comparable(span: Span, now: int) -> tuple[Span, int]:
    """The part of a span that both sides cover in whole points, and the length of a point (ms)."""
    period = next((length for age, length in _KEPT if now - span.start < age), HOUR)
    end = min(span.end, now - SETTLED)
    return Span(-(-span.start // period) * period, end // period * period), period


def check(path: Path, services: Sequence[Service], span: Span, period: int) -> list[Check]:
    """Each model that CloudWatch counted in the services' regions, or that the log holds there. Raises as
    `Service.ask`."""
    logged, names = counts_on_disk(path, span)
    counted: defaultdict[tuple[str, str], Counts] = defaultdict(lambda: _NONE)
    for service in services:
        for model, counts in counted_by(service, span, period).items():
            key = (service.region, names.get(model, model_of(model)))
            counted[key] = _sum(counted[key], counts)
    regions = {service.region for service in services}
    keys = sorted({*counted, *(key for key in logged if key[0] in regions)})
    return [Check(*key, counted.get(key, _NONE), logged.get(key, _NONE)) for key in keys]


def counts_on_disk(path: Path, span: Span) -> tuple[dict[tuple[str, str], Counts], dict[str, str]]:
    """What a log holds of a span, by the region called and the model; and the models of ARNs and their tails."""
    logged: defaultdict[tuple[str, str], Counts] = defaultdict(lambda: _NONE)
    names: dict[str, str] = {}
    for line in _lines(path):
        moment, flags = seconds(line.get("ts")), items(line.get("flags"))
        model, arn = text(line.get("model")) or "", text(mapping(line.get("meta")).get("model_arn"))
        if moment is None or "error" in flags or not span.start <= moment * SECOND < span.end:
            continue
        if arn is not None:
            names[arn] = names[arn.rpartition("/")[2]] = model
        usage = usage_of(line)
        key = (text(mapping(line.get("labels")).get("region")) or "", model)
        logged[key] = _sum(logged[key], (1, usage.uncached, usage.read, usage.written, usage.output))
    return dict(logged), names


def _lines(path: Path) -> Iterator[Mapping[str, object]]:
    for line in open_lines(path):
        try:
            yield mapping(value_of(line[1])) if isinstance(line, tuple) else {}
        except ValueError:
            continue


def counted_by(service: Service, span: Span, period: int) -> dict[str, Counts]:
    """What CloudWatch counted in a span, by model id."""
    series = [(model, metric) for model in _models(service) for metric in range(len(METRICS))]
    counted: dict[str, list[int]] = {}
    for first in range(0, len(series), _QUERIES):
        part = series[first : first + _QUERIES]
        queries = [_query(f"m{place}", model, METRICS[metric], period) for place, (model, metric) in enumerate(part)]
        for place, value in _values(service, queries, span):
            model, metric = part[place]
            counted.setdefault(model, [0] * len(METRICS))[metric] += round(value)
    return {model: tuple(counts) for model, counts in counted.items()}


def _models(service: Service) -> list[str]:
    """The models with calls. CloudWatch lists those of the last two weeks."""
    found: dict[str, None] = {}
    for page in _pages(service, "list_metrics", Namespace=NAMESPACE, MetricName=METRICS[0]):
        for metric in items(page.get("Metrics")):
            dimensions = [mapping(each) for each in items(mapping(metric).get("Dimensions"))]
            if len(dimensions) == 1 and dimensions[0].get("Name") == "ModelId":
                found[text(dimensions[0].get("Value")) or ""] = None
    return [model for model in found if model]


def _query(name: str, model: str, metric: str, period: int) -> dict[str, object]:
    of_model = {"Name": "ModelId", "Value": model}
    wanted = {"Namespace": NAMESPACE, "MetricName": metric, "Dimensions": [of_model]}
    return {"Id": name, "MetricStat": {"Metric": wanted, "Period": period // SECOND, "Stat": "Sum"}}


def _values(service: Service, queries: list[dict[str, object]], span: Span) -> Iterator[tuple[int, float]]:
    """The points of all queries, each with the place of its query."""
    start, end = (datetime.fromtimestamp(moment / SECOND, UTC) for moment in (span.start, span.end))
    for page in _pages(service, "get_metric_data", MetricDataQueries=queries, StartTime=start, EndTime=end):
        for result in map(mapping, items(page.get("MetricDataResults"))):
            place = int((text(result.get("Id")) or "m0")[1:])
            yield from ((place, value) for each in items(result.get("Values")) if (value := number(each)) is not None)


def _pages(service: Service, operation: str, **parameters: object) -> Iterator[Mapping[str, object]]:
    token: dict[str, object] = {}
    while True:
        page = service.request(operation, **parameters, **token)
        yield page
        following = text(page.get("NextToken"))
        if not following:
            return
        token = {"NextToken": following}


def _sum(left: Counts, right: Counts) -> Counts:
    return tuple(a + b for a, b in zip(left, right, strict=True))
