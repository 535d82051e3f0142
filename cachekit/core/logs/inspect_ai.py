"""inspect_ai's evaluation logs: `.json`, and `.eval` (a zip of JSON files, of which the samples are read).

Each `model` event of a sample is a call; one that inspect answered from its own cache (`cache: "read"`) asked nobody:
flag `response_cache`. A sample without such events (they may be left out) has sums by model, and a log without samples
has those of the whole run: calls of flag `aggregate`. `ModelUsage` is exclusive since 2026-02
(UKGovernmentBEIS/inspect_ai#3341); before, it was what the provider counts: the total of a row tells.

Fields: UKGovernmentBEIS/inspect_ai `src/inspect_ai/log/_log.py`, `event/_model.py`, `model/_model_output.py` (2026-11).
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from cachekit.core.catalog.models import identify
from cachekit.core.jsonio.documents import Value, read_values, value_of
from cachekit.core.jsonio.inputs import LONGEST_LINE, Source
from cachekit.core.jsonio.json_access import dig, items, mapping, moment, number, text
from cachekit.core.logs.format import Format, Record, Skip, clean_labels, present, record_reader
from cachekit.core.model.calls import BadLine, Call
from cachekit.core.providers.counts import NO_USAGE
from cachekit.core.providers.usage_names import count_usage

NAME = "inspect-ai"


def calls(record: Record) -> Iterator[Call | Skip]:
    """The calls of one log, or of one sample out of an `.eval` file."""
    samples = [mapping(sample) for sample in items(record.get("samples"))] if "samples" in record else [record]
    task = text(dig(record, "eval", "task")) or ""
    found: list[Call | Skip] = [call for sample in samples for call in _sample(sample, task)]
    if not found:
        found = list(
            _sums(mapping(dig(record, "stats", "model_usage")), task, text(dig(record, "eval", "run_id")) or "")
        )
    yield from found or [Skip("without usage")]


def _sample(sample: Record, task: str) -> Iterator[Call]:
    place = f"{sample.get('id')}/{sample.get('epoch')}"
    events = [event for event in map(mapping, items(sample.get("events"))) if event.get("event") == "model"]
    for event in events:
        usage, own_cache = mapping(dig(event, "output", "usage")), event.get("cache") == "read"
        model = text(event.get("model")) or text(dig(event, "output", "model")) or ""
        seconds = number(dig(event, "output", "time"))
        yield Call(
            usage=NO_USAGE if own_cache or not usage else count_usage(usage, "", model),
            ts=moment(event.get("timestamp")),
            id=text(event.get("uuid")) or "",
            provider=identify(model).host,
            model=model,
            latency_ms=seconds * 1000 if seconds is not None else None,
            flags=frozenset(
                name for name, on in (("response_cache", own_cache), ("error", bool(event.get("error")))) if on
            ),
            family=f"{task}/{place}",
            labels=clean_labels({"task": task, "session": place}),
        )
    if not events:
        yield from _sums(mapping(sample.get("model_usage")), task, place)


def _sums(usages: Record, task: str, place: str) -> Iterator[Call]:
    for model, usage in usages.items():
        yield Call(
            usage=count_usage(mapping(usage), "", model),
            id=f"{place}/{model}" if place else "",
            provider=identify(model).host,
            model=model,
            flags=frozenset({"aggregate"}),
            labels=clean_labels({"task": task}),
            meta=present(cost_reported=number(mapping(usage).get("total_cost"))),
        )


def _values(source: Source) -> Iterator[Value]:
    """The log, or the samples of a zipped one."""
    if source.path is None or not next(source.chunks(), b"").startswith(b"PK"):
        yield from read_values(source)
        return
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = [info for info in archive.infolist() if info.filename.startswith("samples/")]
            names = names or [info for info in archive.infolist() if info.filename == "header.json"]
            for number_, info in enumerate(names, 1):
                if info.file_size > LONGEST_LINE:
                    yield BadLine(number_, f"a sample of more than {LONGEST_LINE:,} bytes", source.name)
                else:
                    yield number_, value_of(archive.read(info))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        yield BadLine(1, "a damaged zip file", source.name)


def sniff(record: Record) -> bool:
    """A log: what was evaluated, and how the run went."""
    return isinstance(record.get("eval"), dict) and ("stats" in record or "samples" in record or "plan" in record)


FORMAT = Format(
    name=NAME,
    title="inspect_ai evaluation logs (.json, .eval)",
    dedup="event id, over all files",
    sniff=sniff,
    read=record_reader(NAME, calls, values=_values),
    sniff_head=lambda head: head.startswith(b"PK\x03\x04") and (b"_journal/" in head or b"samples/" in head),
)
