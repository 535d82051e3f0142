"""Objects of S3: fetched by several threads, handed on in order, never all at once."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from tempfile import SpooledTemporaryFile
from typing import IO, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from urllib3.exceptions import HTTPError

from cachekit.core.inputs import STDIN, Source, find_sources
from cachekit.pull.aws import PAUSES, Service
from cachekit.pull.faults import fault_of

THREADS = 8
AHEAD = 2 * THREADS
"""How many objects may be under way or waiting for their turn."""

_IN_MEMORY = 4 * 1024 * 1024
"""A larger object waits in a temporary file."""

_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


def in_order(
    pool: Executor, work: Callable[[_Item], _Done], given: Iterable[_Item], ahead: int = AHEAD
) -> Iterator[_Done]:
    """The results of work on each item, in their order; at most `ahead` are begun before they are asked for."""
    waiting: deque[Future[_Done]] = deque()
    try:
        for item in given:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def fetched(service: Service, bucket: str, key: str) -> Source:
    """An object, as a source that can be read once. A transfer that breaks is begun anew. Raises as `Service.ask`."""
    for pause in (*PAUSES[:3], None):
        answer = service.ask("get_object", Bucket=bucket, Key=key)
        held = cast("IO[bytes]", SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115  it lives as long as its source
        try:
            shutil.copyfileobj(cast("IO[bytes]", answer["Body"]), held)
        except (BotoCoreError, ClientError, HTTPError, OSError) as error:
            held.close()
            if pause is None:
                raise fault_of(error, service.about) from None
            service.wait(pause)
            continue
        held.seek(0)
        (source,) = find_sources([STDIN], held)  # type: ignore[arg-type]
        return replace(source, name=f"s3://{bucket}/{key}")
    raise AssertionError("the last try returns or raises")
