"""`make test-beside`: what is installed beside us, resolved and not installed. Our bounds hold nobody back.

Each library is resolved alone and then with us, for the same Python: its release must be the same. Needs the package
index; `--python 3.13` asks for another Python.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARIES = (
    *("litellm[proxy]", "strands-agents[anthropic,openai,litellm]", "aioboto3", "instructor", "crewai", "inspect-ai"),
    *("dspy", "langchain", "langchain-anthropic", "langchain-aws", "pydantic-ai", "openai-agents", "langfuse"),
    *("logfire", "traceloop-sdk", "aider-chat", "llama-index", "claude-agent-sdk"),
)


def main(words: list[str]) -> int:
    """1 where a library is held back, or has no place beside us at all."""
    python = words[words.index("--python") + 1] if "--python" in words else "3.11"
    back = 0
    for library in LIBRARIES:
        name = re.split(r"\[", library)[0]
        alone, problem = resolved([library], python)
        beside, reason = resolved([library, str(ROOT)], python)
        if problem:
            print(f"{library:45} cannot be resolved by itself: {problem}")
            continue
        same = alone.get(name) == beside.get(name)
        back += not same
        verdict = "as without us" if same else f"HELD BACK: {beside.get(name, reason)}"
        print(f"{library:45} {alone.get(name, '?'):12} {verdict}")
    print(f"{len(LIBRARIES) - back} passed, {back} failed")
    return int(back > 0)


def resolved(requirements: list[str], python: str) -> tuple[dict[str, str], str]:
    """The releases that a resolver would install, by name; nothing, and why, where there is no solution."""
    command = [Path(sys.executable).with_name("uv"), "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    done = subprocess.run(
        [*command, "--python-version", python, "-"], input="\n".join(requirements), capture_output=True, text=True
    )
    if done.returncode:
        return {}, done.stderr.strip().splitlines()[-1][:200] if done.stderr.strip() else "no solution"
    pairs = (line.split(";")[0].strip().split("==") for line in done.stdout.splitlines() if "==" in line)
    return {name.split("[")[0]: version for name, version in pairs}, ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
