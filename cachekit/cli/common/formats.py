"""The outputs of findings by name, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from cachekit.cli.common.emit import emit
from cachekit.cli.common.findings import Run

RENDERERS = {
    "sarif": "cachekit.cli.common.sarif",
    "junit": "cachekit.cli.common.junit",
    "github": "cachekit.cli.common.github",
    "markdown": "cachekit.cli.common.markdown",
    "gitlab": "cachekit.cli.common.ci.gitlab",
    "checkstyle": "cachekit.cli.common.ci.checkstyle",
    "rdjson": "cachekit.cli.common.ci.rdjson",
}
"""Each module has `render(run) -> str`."""


def render(form: str, run: Run) -> str:
    """The findings in one of the formats of `RENDERERS`."""
    text: str = import_module(RENDERERS[form]).render(run)
    return text


def deliver(form: str, run: Run, output: Path | None, env: Mapping[str, str]) -> None:
    """Writes the findings to stdout or a file. `github` also adds Markdown to the job's summary page, where there is
    one (GITHUB_STEP_SUMMARY)."""
    emit(render(form, run), output)
    page = env.get("GITHUB_STEP_SUMMARY")
    if form == "github" and page:
        with open(page, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(render("markdown", run))
