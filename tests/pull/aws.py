"""A loopback server that speaks the protocols of the AWS services which `pull` asks, for what moto does not have.

CloudWatch Logs (JSON 1.1): FilterLogEvents with pages of a given size, empty pages, JSON filter patterns and tokens
that no restart survives; Insights with queries that run a while, matched counts and results that are cut. Bedrock and
STS: GetInferenceProfile, the logging configuration, AssumeRole. Any operation can be known to answer with errors.
"""

from __future__ import annotations

import json
import re
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4


@dataclass(frozen=True)
class Logged:
    """An event of a log group: its time in ms, its id and its message."""

    at: int
    id: str
    message: str


@dataclass(frozen=True)
class Fault:
    """An answer that is an error: its status, its code, and how far (seconds) the server's clock is ahead."""

    code: str
    status: int = 400
    message: str = "no"
    ahead: float = 0.0


@dataclass
class Events:
    """The events of a log group, in order of time. `of` makes the event at a place, so that none needs to be kept."""

    times: list[int]
    of: Callable[[int], Logged]

    @classmethod
    def listed(cls, events: list[Logged]) -> Events:
        """Of events at hand."""
        events = sorted(events, key=lambda event: event.at)
        return cls([event.at for event in events], events.__getitem__)

    def between(self, start: int, end: int) -> range:
        """The places of the events from a time to a time, both inclusive."""
        return range(bisect_left(self.times, start), bisect_right(self.times, end))


@dataclass
class World:
    """What the server holds, how it behaves, and what it was asked. `faults` are used up, by operation."""

    groups: dict[str, Events] = field(default_factory=dict)
    profiles: dict[str, list[str]] = field(default_factory=dict)
    logging: dict[str, object] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    """Objects of S3, by their path: `/bucket/key`."""
    torn: int = 0
    """So many objects are sent by half."""
    page: int = 10_000
    page_bytes: int = 1_000_000
    empty_every: int = 0
    """Of so many pages one is empty and points to a next one; 0: none is."""
    stuck: bool = False
    """Pages point to themselves."""
    rows: int = 100_000
    """How many rows a query of Insights really gives, whatever its limit says."""
    polls: int = 1
    """How often a query of Insights is still running when it is asked about; below 0 it takes too long."""
    status: str = "Complete"
    """How queries end."""
    cut_messages: int = 0
    """Rows of Insights hold no more characters of a message than that; 0: all."""
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    after: tuple[int, Fault] | None = None
    """All requests but the first so many are answered with a fault."""
    slow: float = 0.0
    """Seconds that an answer takes."""
    proxied: bool = False
    """FilterLogEvents is answered with an object that says nothing, as botocore reads a proxy's page."""

    asked: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    tokens: dict[str, tuple[int, int]] = field(default_factory=dict)
    queries: dict[str, tuple[list[Logged], int, int]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class RefusedError(Exception):
    """Answered with a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.error = fault


def _group(world: World, body: dict[str, object]) -> Events:
    name = body.get("logGroupName") or body.get("logGroupIdentifier") or (body.get("logGroupIdentifiers") or [""])[0]
    if name not in world.groups:
        raise RefusedError(Fault("ResourceNotFoundException", message="The specified log group does not exist."))
    return world.groups[name]


def filter_log_events(world: World, body: dict[str, object]) -> dict[str, object]:
    """A page. A token is a place and how many pages came before, and unknown to any other server."""
    if world.proxied:
        return {}
    events = _group(world, body)
    matches = _pattern(str(body.get("filterPattern") or ""))
    places = events.between(int(body.get("startTime", 0)), int(body.get("endTime", 2**62)))
    token = body.get("nextToken")
    if token is not None and token not in world.tokens:
        raise RefusedError(Fault("InvalidParameterException", message="The specified nextToken is invalid."))
    place, page = world.tokens[token] if token else (places.start, 0)
    found, size = [], 0
    is_empty = world.empty_every and page % world.empty_every == world.empty_every - 1
    while not is_empty and place < places.stop and len(found) < min(world.page, int(body.get("limit", 10_000))):
        event = events.of(place)
        if size + len(event.message) > world.page_bytes and found:
            break
        place, size = place + 1, size + len(event.message)
        if matches(event.message):
            found.append(event)
    answer = {"events": [_event(event) for event in found], "searchedLogStreams": []}
    if place < places.stop or (is_empty and places):
        following = "stuck" if world.stuck else uuid4().hex
        world.tokens[following] = (place, page + 1)
        answer["nextToken"] = following
    return answer


def _event(event: Logged) -> dict[str, object]:
    stream = "aws/bedrock/modelinvocations"
    told = {"logStreamName": stream, "timestamp": event.at, "ingestionTime": event.at + 900}
    return told | {"eventId": event.id, "message": event.message}


def _pattern(pattern: str) -> Callable[[str], bool]:
    """`{ $.field = "text*" }`, words, or nothing."""
    if not pattern:
        return lambda message: True
    found = re.fullmatch(r'\{\s*\$\.(\w+)\s*=\s*"([^"]*)"\s*\}', pattern.strip())
    if found:
        wanted = re.compile(re.escape(found[2]).replace(r"\*", ".*"))
        return lambda message: bool(wanted.fullmatch(str(_json(message).get(found[1], ""))))
    if pattern.startswith("{"):
        raise RefusedError(Fault("InvalidParameterException", message="Invalid filter pattern"))
    words = [phrase or word for phrase, word in re.findall(r'"([^"]*)"|(\S+)', pattern)]
    return lambda message: all(word in message for word in words)


def _json(message: str) -> dict[str, object]:
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def start_query(world: World, body: dict[str, object]) -> dict[str, object]:
    """Runs `fields ... | filter FIELD like /REGEX/ or ... | filter FIELD = "TEXT" | sort @timestamp asc`."""
    events = _group(world, body)
    checks = [_clause(clause.strip()) for clause in str(body["queryString"]).split("|")]
    start, end = int(body["startTime"]) * 1000, int(body["endTime"]) * 1000
    found = [event for event in map(events.of, events.between(start, end)) if _passes(event.message, checks)]
    name = uuid4().hex
    world.queries[name] = (found, min(int(body.get("limit", 10_000)), world.rows), world.polls)
    return {"queryId": name}


_CHECK = re.compile(r"""(\w+) (?:like /([^/]*)/|= "([^"]*)")""")


def _clause(clause: str) -> list[re.Match[str]]:
    """The checks of a filter, of which one must pass; none for what filters nothing."""
    if re.match(r"(fields|sort) ", clause):
        return []
    checks = [_CHECK.fullmatch(part) for part in clause.removeprefix("filter ").split(" or ")]
    if not clause.startswith("filter ") or None in checks:
        raise RefusedError(Fault("MalformedQueryException"))
    return [check for check in checks if check]


def _passes(message: str, clauses: list[list[re.Match[str]]]) -> bool:
    record = _json(message)
    return all(not checks or any(_holds(record, check) for check in checks) for checks in clauses)


def _holds(record: dict[str, object], check: re.Match[str]) -> bool:
    value = str(record.get(check[1], ""))
    return value == check[3] if check[2] is None else bool(re.search(check[2], value))


def get_query_results(world: World, body: dict[str, object]) -> dict[str, object]:
    """A page of a query's rows, once it has run long enough."""
    name, at = str(body["queryId"]), int(str(body.get("nextToken", "0")))
    if name not in world.queries:
        raise RefusedError(Fault("ResourceNotFoundException"))
    found, most, polls = world.queries[name]
    statistics = {"recordsMatched": float(len(found)), "recordsScanned": float(len(found)), "bytesScanned": 0.0}
    if polls > 0:
        world.queries[name] = (found, most, polls - 1)
        return {"status": "Running", "results": [], "statistics": statistics}
    if world.status != "Complete":
        return {"status": world.status, "results": [], "statistics": statistics}
    if polls < 0:
        return {"status": "Timeout", "results": [], "statistics": statistics}
    given = found[:most]
    answer = {"status": "Complete", "statistics": statistics, "results": []}
    answer["results"] = [_row(world, event) for event in given[at : at + world.page]]
    if at + world.page < len(given):
        answer["nextToken"] = str(at + world.page)
    return answer


def _row(world: World, event: Logged) -> list[dict[str, str]]:
    stamp = f"{datetime.fromtimestamp(event.at / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}"[:23]
    message = event.message[: world.cut_messages] if world.cut_messages else event.message
    named = {"@timestamp": stamp, "@message": message, "@ptr": event.id}
    return [{"field": field, "value": value} for field, value in named.items()]


def get_log_record(world: World, body: dict[str, object]) -> dict[str, object]:
    """The whole event behind a row."""
    for events in world.groups.values():
        for event in map(events.of, range(len(events.times))):
            if event.id == body["logRecordPointer"]:
                return {"logRecord": {"@message": event.message}}
    raise RefusedError(Fault("ResourceNotFoundException"))


_LOGS = {
    "FilterLogEvents": filter_log_events,
    "StartQuery": start_query,
    "GetQueryResults": get_query_results,
    "GetLogRecord": get_log_record,
}


class Handler(BaseHTTPRequestHandler):
    """Tells the services apart by how they are asked."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    world: World

    def log_message(self, format: str, *arguments: object) -> None:
        """Silent."""

    def do_POST(self) -> None:
        """JSON 1.1 (logs) or a query (STS)."""
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "")
        if target.startswith("Logs_20140328."):
            name = target.partition(".")[2]
            self._answer(name, json.loads(data), lambda body: _LOGS[name](self.world, body))
        else:
            asked = {key: values[0] for key, values in parse_qs(data.decode()).items()}
            self._answer(asked.get("Action", ""), asked, _assumed, xml=True)

    def do_GET(self) -> None:
        """REST: Bedrock's control plane."""
        path = unquote(urlsplit(self.path).path)
        if path == "/logging/modelinvocations":
            self._answer("GetModelInvocationLoggingConfiguration", {}, lambda _: {"loggingConfig": self.world.logging})
        elif path.startswith("/inference-profiles/"):
            self._answer("GetInferenceProfile", {"arn": path.removeprefix("/inference-profiles/")}, self._profile)
        elif path in self.world.objects:
            self._object(self.world.objects[path])
        else:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", {})

    def _object(self, data: bytes) -> None:
        """An object of S3, whole or by half."""
        with self.world.lock:
            self.world.torn, is_torn = self.world.torn - 1, self.world.torn > 0
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if is_torn else data)
        self.close_connection = is_torn

    def _profile(self, body: dict[str, object]) -> dict[str, object]:
        arn = str(body["arn"])
        if arn not in self.world.profiles:
            raise RefusedError(Fault("ResourceNotFoundException", 404))
        told = {"inferenceProfileName": "p", "inferenceProfileArn": arn, "inferenceProfileId": arn.rpartition("/")[2]}
        models = [{"modelArn": model} for model in self.world.profiles[arn]]
        return told | {"models": models, "status": "ACTIVE", "type": "APPLICATION"}

    def _answer(
        self, name: str, body: dict[str, object], work: Callable[[dict[str, object]], object], xml: bool = False
    ) -> None:
        world = self.world
        with world.lock:
            world.asked[name] += 1
            world.requests.append((name, body))
            fault = world.faults[name].pop(0) if world.faults[name] else None
            if world.after is not None and sum(world.asked.values()) > world.after[0]:
                fault = world.after[1]
        time.sleep(world.slow)
        try:
            if fault is not None:
                raise RefusedError(fault)
            answer = work(body)
        except RefusedError as refused:
            self._refuse(refused.error, xml)
            return
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self._send(200, data, {"Content-Type": "text/xml" if xml else "application/x-amz-json-1.1"})

    def _refuse(self, fault: Fault, xml: bool) -> None:
        headers = {"x-amzn-ErrorType": fault.code}
        if fault.ahead:
            headers["Date"] = formatdate(time.time() + fault.ahead, usegmt=True)
        body = json.dumps({"__type": fault.code, "message": fault.message})
        if xml:
            body = f"<ErrorResponse><Error><Code>{fault.code}</Code><Message>no</Message></Error></ErrorResponse>"
        self._send(fault.status, body.encode(), headers)

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in {
            "Date": formatdate(time.time(), usegmt=True),
            **headers,
            "Content-Length": str(len(data)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class Server(ThreadingHTTPServer):
    """A thread for each connection; a client that was killed is no news."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Silent."""


def _assumed(body: dict[str, object]) -> str:
    """Credentials of a role: they carry its name, so that a test sees as whom it is asked afterwards."""
    role = str(body["RoleArn"]).rpartition("/")[2]
    keys = (
        f"<AccessKeyId>ASIA{role:0<16}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    )
    credentials = f"<Credentials>{keys}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
    result = f"<AssumeRoleResult>{credentials}</AssumeRoleResult>"
    space = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
    return f"<AssumeRoleResponse {space}>{result}</AssumeRoleResponse>"


@contextmanager
def serving(world: World) -> Iterator[str]:
    """Serves a world; the address to be used as AWS_ENDPOINT_URL."""
    handler = type("Handler", (Handler,), {"world": world})
    server = Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
