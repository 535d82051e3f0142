"""Runs the libraries against their models, each set in an environment of its own: `make test-stacks`.

    python -m tests.stacks.run measured newest       # folders: .venv-stacks/measured-1, ...

`measured`: the newest releases that were measured; `newest`: whatever the index has today; `older`: the releases of a
year before. Libraries that cannot live together are apart.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.stacks.environments import MEASURED, ROOT, environment, variables

AGENTS = "strands-agents[anthropic,openai,litellm]"
PYDANTIC_AI = "pydantic-ai-slim[anthropic,openai,bedrock,google,openrouter]"
SETS: dict[str, tuple[tuple[str, ...], ...]] = {
    "measured": (
        (
            *(f"anthropic[bedrock,vertex]=={MEASURED['anthropic']}", f"openai=={MEASURED['openai']}"),
            *(f"boto3=={MEASURED['boto3']}", f"{PYDANTIC_AI}=={MEASURED['pydantic-ai-slim']}", "langchain"),
            *(f"langchain-aws[anthropic]=={MEASURED['langchain-aws']}",),
            *(f"langchain-anthropic=={MEASURED['langchain-anthropic']}",),
        ),
        (f"litellm=={MEASURED['litellm']}", "mcp", f"boto3=={MEASURED['boto3']}"),
        (f"{AGENTS}=={MEASURED['strands-agents']}", "mcp"),
    ),
    "newest": (
        (
            *("anthropic[bedrock]", "openai", "boto3", PYDANTIC_AI),
            *("langchain", "langchain-aws[anthropic]", "langchain-anthropic"),
        ),
        ("litellm", "mcp"),
        (AGENTS, "mcp"),
    ),
    "older": (
        (f"{PYDANTIC_AI}==1.40.0", "anthropic[bedrock]<0.80", "openai<3"),
        ("langchain", "langchain-aws==1.0.0", "langchain-anthropic==1.0.0", "anthropic[bedrock]<1"),
        ("litellm==1.80.0", "mcp", f"{AGENTS}==1.20.0"),
    ),
}


def run(name: str, python: Path, more: Sequence[str]) -> bool:
    """Real programs first, which are written for today's releases, then generated requests. Whether all was well."""
    print(f"--- {name}", flush=True)
    ignoring = ["-o", "addopts=", "-W", "ignore", "-p", "no:cacheprovider"]
    programs = [python, "-m", "pytest", "-q", *ignoring, "tests/stacks"]
    requests = [python, "-m", "tests.stacks.agreement", *more]
    steps = [requests] if name.startswith("older") else [programs, requests]
    codes = [subprocess.run(step, cwd=ROOT, env=variables()).returncode for step in steps]
    return not any(codes)


def main(words: list[str]) -> int:
    """1 where a program fails or a library agrees less often than asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", choices=[*SETS, []], default=["measured", "newest"])
    parser.add_argument("--fresh", action="store_true", help="install again, newest releases for newest")
    options, more = parser.parse_known_args(words)
    well = True
    for name in options.sets:
        for number, packages in enumerate(SETS[name], start=1):
            python = environment(f"{name}-{number}", packages, fresh=options.fresh or name == "newest")
            well &= run(f"{name}-{number}", python, more)
    return int(not well)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
