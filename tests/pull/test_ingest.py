"""What is known is left out, what is no call is counted, and nothing is lost or doubled however a pull is cut."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cachekit.core.logs.native_write import to_line
from cachekit.core.model.calls import BadLine
from cachekit.pull.cursor import Batch, Cursor, Event, Span
from cachekit.pull.ingest import Ingest, Parsing
from cachekit.pull.options import Reading
from cachekit.pull.output import Log
from tests.pull.reading import ids, wanted
from tests.pull.records import HOUR, MINUTE, NOW, PROFILE, record
from tests.replay.strategies import JSON

SPAN = Span(NOW - HOUR, NOW)


def cursor(late: int = 10 * MINUTE) -> Cursor:
    return Cursor(SPAN.start, SPAN.start, late=late)


def event(number: int, at: int = NOW - MINUTE, **more: object) -> Event:
    return Event(at, f"e{number}", json.dumps(record(number, at, **more)))


def take(taking: Ingest, *events: Event, **batch: object) -> list[str]:
    pieces = list(taking.take(Batch(events, NOW, **batch)))
    return [call.request_id for piece in pieces for call in piece]


def test_an_event_is_taken_once():
    taking = Ingest(cursor(), SPAN)
    assert take(taking, event(1), event(2), event(1)) == wanted([1, 2])
    assert take(taking, event(2), event(3)) == wanted([3])


def test_a_record_that_a_log_delivers_under_two_ids_is_one_call():
    again = Event(NOW - MINUTE, "another id", event(1).record)
    assert take(Ingest(cursor(), SPAN), event(1), again) == wanted([1])


def test_records_without_a_request_id_are_told_apart_by_their_events():
    taking = Ingest(cursor(), SPAN)
    assert len(take(taking, event(1, requestId=None), event(2, requestId=None), event(1, requestId=None))) == 2


NO_CALLS = {
    "plain text": ("Permissions are correctly set for Amazon Bedrock logs.", "plain text"),
    "other JSON": ('{"level": "info"}', "no record"),
    "no object": ("[1, 2]", "no record"),
    "cut off": ('{"schemaType": "ModelInvocationLog", "reques', "unreadable: cut off: the JSON does not end"),
    "a damaged file": (BadLine(1, "the rest of the file is damaged"), "unreadable: the rest of the file is damaged"),
}


@pytest.mark.parametrize("case", NO_CALLS)
def test_what_is_no_call_is_counted_by_its_reason(case):
    held, reason = NO_CALLS[case]
    taking = Ingest(cursor(), SPAN)
    assert take(taking, Event(NOW, "e", held)) == []
    assert {name: n for name, n in taking.tally.items() if n} == {reason: 1}


@given(JSON)
@settings(max_examples=150)
def test_any_record_is_taken_or_counted(value):
    taking = Ingest(cursor(), SPAN)
    calls = take(taking, Event(NOW, "e", value), Event(NOW, "f", json.dumps(value)))
    assert len(calls) == taking.tally["calls"]
    assert sum(taking.tally.values()) >= 1


def test_no_more_calls_come_than_were_wanted_and_the_rest_comes_later():
    kept = cursor()
    first = Ingest(kept, SPAN, room=2)
    assert take(first, *(event(n) for n in range(5))) == wanted([0, 1])
    assert first.full
    assert take(Ingest(kept, SPAN), *(event(n) for n in range(5))) == wanted([2, 3, 4])


def test_a_batch_that_was_not_taken_whole_moves_no_mark():
    kept = cursor()
    take(Ingest(kept, SPAN, room=1), event(1), event(2), done=NOW)
    assert kept.done == SPAN.start
    take(Ingest(kept, SPAN), event(1), event(2), done=NOW)
    assert kept.done == NOW


def test_a_call_without_a_time_has_that_of_its_event():
    (piece,) = Ingest(cursor(), SPAN).take(Batch([event(1, NOW - 2500, timestamp=None)], NOW))
    assert piece[0].ts == (NOW - 2500) / 1000


def test_ids_are_forgotten_once_they_cannot_come_again():
    kept = cursor()
    take(Ingest(kept, SPAN), event(1, NOW - 30 * MINUTE), event(2, NOW - MINUTE), done=NOW)
    assert len(kept.ids) == 1
    assert kept.span_to(NOW + HOUR) == Span(NOW - 10 * MINUTE, NOW + HOUR)


def test_a_unit_that_was_taken_whole_is_remembered_in_place_of_its_events():
    kept = cursor()
    assert take(Ingest(kept, SPAN), *(event(n) for n in range(3)), unit="a.json.gz") == wanted([0, 1, 2])
    assert (kept.knows("a.json.gz"), len(kept.ids)) == (True, 1)


def test_a_unit_that_goes_beyond_the_span_is_read_again_and_not_doubled():
    kept = cursor()
    held = [event(1), event(2, NOW + MINUTE)]
    assert take(Ingest(kept, SPAN), *held, unit="a.json.gz") == wanted([1])
    assert not kept.knows("a.json.gz")
    assert take(Ingest(kept, Span(NOW, NOW + HOUR)), *held, unit="a.json.gz") == wanted([2])


def test_calls_before_the_log_begins_are_left_out_of_a_unit():
    kept = cursor()
    taking = Ingest(kept, SPAN)
    assert take(taking, event(1, SPAN.start - 1000), event(2), unit="a.json.gz") == wanted([2])
    assert taking.tally["calls before --since"] == 1
    assert kept.knows("a.json.gz")


def test_the_model_behind_an_arn_is_named_in_call_and_scope():
    parsing = Parsing(model_of={PROFILE: "us.anthropic.claude-x"}.__getitem__)
    (piece,) = Ingest(cursor(), SPAN, parsing).take(Batch([event(1, modelId=PROFILE)], NOW))
    call = piece[0]
    assert (call.model, call.scope.model, call.meta["model_arn"]) == ("us.anthropic.claude-x",) * 2 + (PROFILE,)


CONTENTS = {"digests": (True, False), "full": (True, True), "none": (False, False)}


@pytest.mark.parametrize("content", CONTENTS)
def test_prompts_are_kept_as_digests_as_text_or_not_at_all(content):
    (piece,) = Ingest(cursor(), SPAN, Parsing(Reading(content=content))).take(Batch([event(1)], NOW))
    line = json.loads(to_line(piece[0], content))
    assert ("blocks" in line, "request" in line) == CONTENTS[content]
    assert ("Be kind." in json.dumps(line)) is (content == "full")


@dataclass(frozen=True)
class Run:
    """A run over all windows: it ends after so many batches, and commits where the number says so."""

    batches: int
    commits: int


runs = st.lists(st.builds(Run, st.integers(0, 30), st.integers(1, 4)), max_size=6)
events = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 59)), max_size=60)


@given(events, runs, st.randoms(use_true_random=False))
@settings(max_examples=120, deadline=None)
def test_runs_that_end_anywhere_lose_and_double_nothing(tmp_path_factory, listed, ended, random):
    """The log holds events at minutes of an hour; windows of ten minutes come in pages, unsorted, some events twice. A
    run that is killed leaves lines behind what was committed, and the next one goes on."""
    path = tmp_path_factory.mktemp("runs") / "calls.ndjson"
    held = {number: event(number, SPAN.start + minute * MINUTE) for number, minute in listed}
    for run in [*ended, Run(10**6, 1)]:
        _run(path, list(held.values()), run, random)
    assert Counter(ids(path)) == Counter(wanted(held))


def _run(path: Path, held: list[Event], run: Run, random) -> None:
    log = Log(path)
    kept = log.cursors.setdefault("s", cursor())
    taking = Ingest(kept, kept.span_to(SPAN.end))
    for number, batch in enumerate(_batches(held, taking.span, random)):
        if number >= run.batches:
            log._file.write(b'{"torn')
            break
        for piece in taking.take(batch):
            log.write(b"".join(to_line(call) for call in piece))
        if number % run.commits == 0:
            log.commit()
    else:
        log.commit()
    log._file.close()


def _batches(held: list[Event], span: Span, random):
    for start in range(span.start, span.end, 10 * MINUTE):
        window = [event for event in held if start <= event.at < min(start + 10 * MINUTE, span.end)]
        window += random.sample(window, len(window) // 2)
        random.shuffle(window)
        while window:
            page, window = window[:4], window[4:]
            yield Batch(page, start)
        yield Batch((), start, done=min(start + 10 * MINUTE, span.end))
