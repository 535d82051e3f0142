"""The audit's verdict against what providers did: recorded calls with breakpoints, audited from the request alone.

    python -m tests.verdicts FOLDER/ground_truth/open.ndjson [--show 20]

Of the calls that read or wrote a cache, how many are a yes, unsure and no; the same of those that did neither. A call
that cached and is a no, or that did not and is a yes, is a certain and wrong answer: the run fails where there is one,
or where fewer than 92 % of those that cached are a yes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from cachekit import Backend, audit
from cachekit.core.model.errors import CachekitError

GOAL = 0.92
BACKENDS = {
    ("anthropic", "messages"): Backend.ANTHROPIC,
    ("bedrock", "converse"): Backend.BEDROCK_CONVERSE,
    ("bedrock", "invoke"): Backend.BEDROCK_INVOKE_ANTHROPIC,
    ("openai", "chat"): Backend.OPENAI_CHAT,
    ("openai", "responses"): Backend.OPENAI_RESPONSES,
}
"""How a user of each API names the request; other hosts' requests are recognised by their shape."""


def marked_calls(path: Path) -> Iterator[dict]:
    """The answered calls with breakpoints whose usage tells whether they cached."""
    with path.open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            answered = row["status"] == 200 and row.get("usage") and not row.get("doubtful")
            if answered and row["has_cache_directive"] and row.get("breakpoints") and row["api"] != "count_tokens":
                yield row


def verdict_of(row: dict) -> tuple[str, str]:
    """The verdict on a row's request, and the rules that spoke against a yes."""
    request = dict(row["request"])
    if row["provider"] == "bedrock":
        request.setdefault("modelId", row["model"])
    else:
        request.setdefault("model", row["model"])
    try:
        report = audit(request, BACKENDS.get((row["provider"], row["api"])))
    except CachekitError as error:
        return "unread", error.message()
    return report.verdict.value, ", ".join(dict.fromkeys(f.rule for f in report.findings if f.verdict is not None))


def main(words: list[str]) -> int:
    """1 where a verdict is certain and wrong, or where too few of the calls that cached are a yes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("recorded", type=Path)
    parser.add_argument("--show", type=int, default=0, help="rows to name that are not as they should be")
    options = parser.parse_args(words)
    counts: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    rules: dict[str, Counter[str]] = defaultdict(Counter)
    shown = 0
    for row in marked_calls(options.recorded):
        cached = bool((row["cache_read"] or 0) + (row["cache_write"] or 0))
        verdict, spoke = verdict_of(row)
        counts[cached][verdict] += 1
        if (verdict == "yes") == cached:
            continue
        rules[f"{'cached' if cached else 'not cached'}, {verdict}"][spoke] += 1
        if shown < options.show and (cached or verdict == "yes"):
            shown += 1
            place = f"{row['repo']} {row['path']}[{row['index']}]"
            print(f"{place}: cached {cached}, verdict {verdict} ({spoke}), input {row['input_total']}")
    for cached, count in counts.items():
        total = count.total()
        shares = ", ".join(f"{word} {count[word] / max(1, total):.3f} ({count[word]})" for word in sorted(count))
        print(f"marked calls that {'cached' if cached else 'did not cache'}: {total}: {shares}")
    for kind, spoken in sorted(rules.items()):
        if not kind.startswith("not cached, no") and not kind.startswith("not cached, unsure"):
            print(f"  {kind}: " + "; ".join(f"{rule or 'no rule'} {n}" for rule, n in spoken.most_common(8)))
    wrong = counts[True]["no"] + counts[False]["yes"]
    share = counts[True]["yes"] / max(1, counts[True].total())
    print(f"certain and wrong {wrong}; yes where it cached {share:.3f} (goal {GOAL})")
    return int(wrong > 0 or share < GOAL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
