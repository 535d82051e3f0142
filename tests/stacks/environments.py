"""Environments of their own for releases of libraries, under a folder that git ignores, and reused."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".venv-stacks"
TOOLS = ("pytest", "hypothesis", "trustme")
SDKS = ("anthropic", "openai", "boto3")
"""Dependencies of ours that each environment brings in the releases that its libraries can live with."""

MEASURED: dict[str, str] = {
    "litellm": "1.110.2",
    "strands-agents": "1.62.0",
    "pydantic-ai-slim": "2.68.0",
    "langchain-anthropic": "1.7.10",
    "langchain-aws": "1.9.1",
    "anthropic": "2.15.0",
    "openai": "3.57.0",
    "boto3": "1.44.8",
}
"""The newest release of each library that was measured."""

PACKAGES: dict[str, tuple[str, ...]] = {
    "litellm": (
        "litellm=={}",
        "mcp",
        "boto3",
        "google-auth",
        "google-cloud-aiplatform",
    ),  # the last for releases up to 1.83
    "strands-agents": ("strands-agents[anthropic,openai,litellm]=={}", "mcp", "google-auth"),
    "pydantic-ai-slim": (
        "pydantic-ai-slim[anthropic,openai,bedrock,google,openrouter]=={}",
        "anthropic[bedrock,vertex]",
    ),
    "langchain-anthropic": ("langchain-anthropic=={}", "langchain"),
    "langchain-aws": ("langchain-aws[anthropic]=={}", "langchain"),
    "anthropic": ("anthropic[bedrock,vertex]=={}",),
    "openai": ("openai=={}",),
    "boto3": ("boto3=={}",),
}
"""What an environment for measuring a library holds; the braces stand for the release."""


def packages_of(library: str, release: str) -> tuple[str, ...]:
    """The packages of an environment for one release of a library."""
    return tuple(package.format(release) for package in PACKAGES[library])


def environment(name: str, packages: Sequence[str], *, fresh: bool = False) -> Path:
    """The Python of an environment with these packages and with what we need, made where it is missing."""
    home = FOLDER / name
    python, done = home / "bin" / "python", home / ".installed"
    wanted = "\n".join((*packages, *_ours()))
    if not fresh and done.exists() and done.read_text() == wanted:
        return python
    clear = ["--clear"] if done.exists() and done.read_text() != wanted else []
    subprocess.run([sys.executable, "-m", "venv", *clear, str(home)], check=True)
    install = [str(python), "-m", "pip", "install", "-qq", "--upgrade"]
    subprocess.run([*install, *packages, *_ours()], check=True)
    done.write_text(wanted)
    return python


def variables() -> dict[str, str]:
    """The environment variables for a Python of such an environment: our package, and no key of the user's."""
    private = ("AWS_", "ANTHROPIC_", "OPENAI_", "AZURE_", "GOOGLE_", "GEMINI_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(private)}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}


def _ours() -> list[str]:
    """What we need ourselves, but the SDKs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*TOOLS, *(package for package in project["dependencies"] if not package.startswith(SDKS))]
