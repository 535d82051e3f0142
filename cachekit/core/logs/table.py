"""Calls as a table: a row a call, digests and counts, no text. The boundary between reading logs and everything behind
it: a hundredth of a log's bytes, and all that a report needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cachekit.core.model.calls import Call
from cachekit.core.model.errors import UsageError
from cachekit.core.model.prompt import Block
from cachekit.core.model.usage import WRITES

if TYPE_CHECKING:
    import pyarrow

_ROWS = 50_000
"""Calls in one row group: what is in memory at once."""

_BUCKETS = 256


def to_arrow(calls: Iterable[Call]) -> pyarrow.Table:
    """All calls as one table. Raises UsageError without pyarrow."""
    arrow = _pyarrow()
    return arrow.Table.from_batches(list(_batches(calls)), schema=table_schema())


def write_parquet(calls: Iterable[Call], target: Path) -> int:
    """Writes calls to a Parquet file, as a whole or not at all, readable by its owner only, and says how many. Raises
    UsageError without pyarrow, and OSError where it cannot be written."""
    _pyarrow()
    from pyarrow import parquet

    count, beside = 0, target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with (
            open(beside, "wb", opener=_private) as file,
            parquet.ParquetWriter(file, table_schema(), compression="zstd") as writer,
        ):
            for batch in _batches(calls):
                writer.write_batch(batch)
                count += batch.num_rows
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    return count


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def table_schema() -> pyarrow.Schema:
    """The columns. Token counts are disjoint; `known` is false where the log says nothing of caching, and `read` and
    the writes are then 0 without meaning it. `day` and `bucket` (of the prefix, 0 to 255) are to partition by: calls
    that can share an entry are in one bucket."""
    arrow = _pyarrow()
    text, whole, number = arrow.string(), arrow.int64(), arrow.float64()
    block = arrow.struct([("section", text), ("digest", text), ("tokens", whole), ("ttl", text)])
    return arrow.schema(
        [
            ("ts", arrow.timestamp("us", tz="UTC")),
            ("day", text),
            ("bucket", arrow.int16()),
            *((name, text) for name in _TEXTS),
            ("host", text),
            ("tier", text),
            ("batch", arrow.bool_()),
            *((name, whole) for name in _COUNTS),
            ("known", arrow.bool_()),
            ("latency_ms", number),
            ("ttft_ms", number),
            ("status", whole),
            ("flags", arrow.list_(text)),
            ("labels", arrow.map_(text, text)),
            ("miss", text),
            ("blocks", arrow.list_(block)),
        ]
    )


_TEXTS = ("id", "request_id", "provider", "api", "model", "family", "prefix_id")
_COUNTS = ("uncached", "read", *WRITES, "output")


def row_of(call: Call) -> dict[str, object]:
    """One call's row."""
    at = _moment(call.ts)
    usage = call.usage
    return {
        "ts": at,
        "day": at.date().isoformat() if at is not None else None,
        "bucket": bucket_of(call),
        **{name: getattr(call, name) or None for name in _TEXTS},
        "host": call.billing.host or call.scope.host or None,
        "tier": call.billing.tier or None,
        "batch": call.billing.batch,
        **{name: getattr(usage, name) for name in _COUNTS},
        "known": usage.known,
        "latency_ms": call.latency_ms,
        "ttft_ms": call.ttft_ms,
        "status": call.status,
        "flags": sorted(call.flags),
        "labels": list(call.labels.items()),
        "miss": call.miss,
        "blocks": [_block(block) for block in call.prompt.blocks] if call.prompt is not None else None,
    }


def bucket_of(call: Call) -> int:
    """The bucket of a call: by what the first block of its prompt is, else by its family or session."""
    blocks = call.prompt.blocks if call.prompt is not None else ()
    name = blocks[0].digest if blocks else call.family or call.labels.get("session", "")
    return sum(name.encode("utf-8", "replace")) % _BUCKETS


def _block(block: Block) -> Mapping[str, object]:
    ttl = (block.mark.ttl or "default") if block.mark is not None else None
    return {"section": block.section.value, "digest": block.digest, "tokens": block.tokens.mid, "ttl": ttl}


def _moment(ts: float | None) -> datetime | None:
    try:
        return datetime.fromtimestamp(ts, UTC) if ts is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def _batches(calls: Iterable[Call]) -> Iterator[pyarrow.RecordBatch]:
    arrow, schema, left = _pyarrow(), table_schema(), iter(calls)
    while rows := [row_of(call) for call in islice(left, _ROWS)]:
        yield arrow.RecordBatch.from_pylist(rows, schema=schema)


def _pyarrow() -> Any:  # noqa: ANN401  pyarrow has no types
    try:
        import pyarrow
    except ImportError:
        raise UsageError("tables need pyarrow", hint="pip install 'llm-cachekit[parquet]'") from None
    return pyarrow
