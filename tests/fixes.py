"""What `--fix` does to requests whose wire was captured: no request may have fewer working breakpoints afterwards.

python -m tests.fixes CAPTURES.jsonl [EVERY]     every request, or each EVERYth
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from cachekit.core.auditors.audit import AuditOptions, audit_with
from cachekit.core.auditors.fix import fix_request
from cachekit.core.auditors.records import unwrap
from cachekit.core.auditors.report import AuditReport
from cachekit.core.model.findings import Verdict


def lost_by_fixing(path: Path, every: int) -> Iterator[tuple[str, int, int]]:
    """Each capture by its name, with the breakpoints that are sent before and after its fix."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        case = json.loads(line)
        if number % every:
            continue
        options = AuditOptions(library_version=case["version"])
        before = audit_with(case["request"], case["backend"], options)
        after = fix_request(before, unwrap(case["request"]), options).report
        yield case["id"], _working(before), _working(after)


def _working(report: AuditReport) -> int:
    """The breakpoints that reach a provider which does not refuse the request: none where the audit says that nothing
    is cached."""
    return 0 if report.raises or report.verdict is Verdict.NO else len(report.sent)


def main(words: list[str]) -> int:
    """Names the requests that lost breakpoints; 1 where there are any."""
    counted = list(lost_by_fixing(Path(words[0]), int(words[1]) if len(words) > 1 else 1))
    worse = [name for name, before, after in counted if after < before]
    print("\n".join([*worse[:20], f"fewer breakpoints after --fix: {len(worse)} of {len(counted)} requests"]))
    return int(bool(worse))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
