"""The tracker on libraries that pin older SDKs than ours, each in an environment of its own: `make test-clients`.

python -m tests.tracker.elsewhere.run [--newest]       the releases that were measured, or those of today
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tests.stacks.run import FOLDER, ROOT

HERE = Path(__file__).parent
_FRAMEWORKS = ("test_frameworks.py",)
LIBRARIES = {
    "aioboto3": (("aioboto3==15.5.0",), ("test_aioboto3.py",)),
    "litellm": (("litellm[proxy]==1.106.2", "boto3==1.44.5", "tenacity"), ("test_litellm.py", "test_litellm_proxy.py")),
    "langgraph": (("langgraph==1.2.24", "langchain-anthropic==1.7.10"), _FRAMEWORKS),
    "pydantic-ai": (("pydantic-ai-slim[anthropic]==2.68.0",), _FRAMEWORKS),
    "instructor": (("instructor==1.17.0", "anthropic"), _FRAMEWORKS),
    "openai-agents": (("openai-agents==0.24.0",), _FRAMEWORKS),
    "strands": (("strands-agents[anthropic]==1.62.0", "boto3"), _FRAMEWORKS),
    "llama-index": (("llama-index-llms-anthropic==0.12.3",), _FRAMEWORKS),
}
"""What is installed beside us, and the tests that need it."""

NEEDED = ("orjson", "msgspec", "genai-prices", "platformdirs", "xxhash")
"""The dependencies of ours that a tracker and the emulator need; the others might not go with the library's own."""

TOOLS = ("pytest", "hypothesis", "uvicorn")


def main(words: list[str]) -> int:
    """1 where a test fails."""
    newest, failed = "--newest" in words, False
    for name, (packages, files) in LIBRARIES.items():
        wanted = [package.partition("==")[0] for package in packages] if newest else list(packages)
        python = environment(FOLDER / f"tracker-{name}{'-newest' if newest else ''}", wanted, fresh=newest)
        print(f"--- {', '.join(wanted)}", flush=True)
        options = ["-q", "-o", "addopts=", "-W", "ignore", "-p", "no:cacheprovider"]
        tests = [str(HERE / file) for file in files]
        failed |= subprocess.run([python, "-m", "pytest", *options, *tests], cwd=ROOT).returncode != 0
    return int(failed)


def environment(home: Path, packages: Sequence[str], *, fresh: bool) -> Path:
    """The Python of an environment with these packages and with us, made where it is missing or another."""
    python, done = home / "bin" / "python", home / ".installed"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = [wish for wish in project["dependencies"] if wish.startswith(NEEDED)]
    wanted = "\n".join((*packages, *ours, *TOOLS))
    if fresh or not done.exists() or done.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        install = [str(python), "-m", "pip", "install", "-qq"]
        subprocess.run([*install, *packages, *ours, *TOOLS], check=True)
        subprocess.run([*install, "--no-deps", "--editable", str(ROOT)], check=True)
        done.write_text(wanted)
    return python


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
