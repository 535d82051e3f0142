"""`make test-lowest`: the tests on the lowest releases of everything that we depend on, in an environment of its own.

Tests of what only newer SDKs can do are left out, each word with its reason.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.stacks.run import FOLDER, ROOT

TOOLS = (
    *("hypothesis", "moto[server]>=5.2,<5.3", "opentelemetry-exporter-prometheus", "opentelemetry-sdk"),
    *("pytest", "pytest-xdist", "pyyaml", "uvicorn"),
)
NEWER = {
    "mantle": "AnthropicBedrockMantle came later",
    "AnthropicBedrock": "the Bedrock client had neither stream, parse nor the tool runner",
    "same_client_class": "the same",
    "async_twin": "the same",
    "tool_runner": "the same",
    "astream_raw": "raw streams could not be awaited",
    "counting_and_listing": "Responses had no input_tokens",
    "what_the_user_asked_for_stands": "Messages took no diagnostics",
    "responses_of_newer_models": "Responses took no prompt_cache_options",
    "dropped_stream": "the SDK itself kept the connection",
    "cannot_be_repeated": "the SDK itself sent it once more",
    "wrong_use": "Typer worded it otherwise",
}
"""A word of a test's name, and what the lowest SDKs lacked."""


def main(words: list[str]) -> int:
    """Pytest's exit code."""
    home = FOLDER / "lowest"
    python, uv = home / "bin" / "python", Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], check=True)
    install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, "--resolution", "lowest-direct", "--editable", f"{ROOT}[tokens,zstd,otel]"], check=True)
    subprocess.run([*install, *TOOLS], check=True)
    folders = words or [f"tests/{name}" for name in ("core", "cli", "client", "report", "replay", "warm", "tracker")]
    chosen = ["-k", f"not ({' or '.join(NEWER)})", "-n", "2", "-o", "addopts=-q", "--ignore=tests/tracker/elsewhere"]
    return subprocess.run([str(python), "-m", "pytest", *chosen, *folders], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
