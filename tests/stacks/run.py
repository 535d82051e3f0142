"""Runs the libraries against their models, each set in an environment of its own: `make test-stacks`.

    python -m tests.stacks.run measured newest       # folders: .venv-stacks/measured-1, ...

`measured`: the newest releases that were measured; `newest`: whatever the index has today; `older`: the releases of a
year before. Libraries that cannot live together are apart.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-stacks"
TOOLS = ("pytest", "hypothesis")
SDKS = ("anthropic", "openai", "boto3")
"""Dependencies of ours that each set brings in the releases that its libraries can live with."""

AGENTS = "strands-agents[anthropic,openai,litellm]"
PYDANTIC_AI = "pydantic-ai-slim[anthropic,openai,bedrock]"
SETS: dict[str, tuple[tuple[str, ...], ...]] = {
    "measured": (
        (
            *("anthropic[bedrock]==2.10.0", "openai==3.51.0", "boto3==1.44.5", f"{PYDANTIC_AI}==2.68.0"),
            *("langchain", "langchain-aws[anthropic]==1.9.1", "langchain-anthropic==1.7.7"),
        ),
        ("litellm==1.106.2", "mcp", f"{AGENTS}==1.62.0", "boto3==1.44.5"),
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


def environment(name: str, packages: Sequence[str], *, fresh: bool) -> Path:
    """The Python of an environment with these packages and with us, made where it is missing."""
    home = FOLDER / name
    python, done = home / "bin" / "python", home / ".installed"
    wanted = "\n".join((*packages, *_ours()))
    if not fresh and done.exists() and done.read_text() == wanted:
        return python
    anew = ["--clear"] if done.exists() and done.read_text() != wanted else []
    subprocess.run([sys.executable, "-m", "venv", *anew, str(home)], check=True)
    install = [str(python), "-m", "pip", "install", "-qq", "--upgrade"]
    subprocess.run([*install, *packages, *_ours()], check=True)
    subprocess.run([*install, "--no-deps", "--editable", str(ROOT)], check=True)
    done.write_text(wanted)
    return python


def _ours() -> list[str]:
    """What we need ourselves, but the SDKs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*TOOLS, *(wish for wish in project["dependencies"] if not wish.startswith(SDKS))]


def run(name: str, python: Path, more: Sequence[str]) -> bool:
    """Real programs first, which are written for today's releases, then generated requests. Whether all was well."""
    print(f"--- {name}", flush=True)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "ANTHROPIC_", "OPENAI_"))}
    ignoring = ["-o", "addopts=", "-W", "ignore", "-p", "no:cacheprovider"]
    programs = [python, "-m", "pytest", "-q", *ignoring, "tests/stacks"]
    requests = [python, "-m", "tests.stacks.agreement", *more]
    steps = [requests] if name.startswith("older") else [programs, requests]
    codes = [subprocess.run(step, cwd=ROOT, env=env).returncode for step in steps]
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
