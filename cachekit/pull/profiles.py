"""Which model an application inference profile holds: its ARN does not say, GetInferenceProfile does.

What a profile holds never changes, so answers are kept in the user's cache folder. A name in `[models]` of the
configuration wins.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from cachekit.core.jsonio.json_access import items, mapping, text
from cachekit.core.model.errors import CachekitError
from cachekit.pull.aws import Service

_PROFILE = re.compile(r"arn:aws[a-z-]*:bedrock:([a-z0-9-]+):\d*:application-inference-profile/.+")
_MODEL = re.compile(r"arn:aws[a-z-]*:bedrock:([a-z0-9-]*):\d*:foundation-model/(.+)")
_GROUPS = (("us-gov-", "us-gov"), ("us-east-", "us"), ("us-west-", "us"), ("eu-", "eu"), ("ap-", "apac"))
"""Region groups by the names of their regions. Japan and Australia have groups of their own at the same prices."""

FILE = "profiles.json"
UNKNOWN = "an inference profile whose model is not known; [models] in the configuration can name it"


class Profiles:
    """The models of profiles, looked up when they are needed."""

    def __init__(
        self,
        bedrock: Callable[[str], Service],
        named: Mapping[str, str],
        folder: Path | None,
        missed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._bedrock, self._named, self._missed = bedrock, named, missed
        self._path = folder / FILE if folder is not None else None
        self._known: dict[str, str] | None = None
        self._unknown: set[str] = set()

    def model_of(self, model: str) -> str:
        """The model behind a model string: the user's name for it, what the profile holds, or the string itself."""
        if model in self._named:
            return self._named[model]
        found = _PROFILE.fullmatch(model)
        if found is None or model in self._unknown:
            return model
        if self._known is None:
            self._known = _read(self._path)
        if model not in self._known:
            self._learn(model, found[1])
        return self._known.get(model, model)

    def _learn(self, arn: str, region: str) -> None:
        try:
            answer = self._bedrock(region).request("get_inference_profile", inferenceProfileIdentifier=arn)
        except CachekitError as error:
            self._missed(f"{UNKNOWN} ({error.what})")
            self._unknown.add(arn)
            return
        model = profile_model(answer)
        if model is None or self._known is None:
            self._unknown.add(arn)
            return
        self._known[arn] = model
        _write(self._path, self._known)


def profile_model(answer: Mapping[str, object]) -> str | None:
    """The model of a profile as GetInferenceProfile tells it, with the prefix of its price scope: over several regions
    it is one of a region group, without a region it is global."""
    arns = [text(mapping(model).get("modelArn")) or "" for model in items(answer.get("models"))]
    found = [match for match in map(_MODEL.fullmatch, arns) if match]
    names = {match[2] for match in found}
    if len(names) != 1:
        return None
    regions = {match[1] for match in found}
    (name,) = names
    if "" in regions:
        return f"global.{name}"
    groups = Counter(group for region in sorted(regions) for start, group in _GROUPS if region.startswith(start))
    return f"{groups.most_common(1)[0][0]}.{name}" if len(regions) > 1 and groups else name


def _read(path: Path | None) -> dict[str, str]:
    import json

    try:
        known = mapping(json.loads(path.read_bytes())) if path is not None else {}
    except (OSError, ValueError):
        return {}
    return {arn: model for arn, model in known.items() if isinstance(model, str)}


def _write(path: Path | None, known: Mapping[str, str]) -> None:
    """Kept where it can be: failing costs a request in the next run."""
    import json

    if path is None:
        return
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.touch(0o600)
        beside.write_bytes(json.dumps(known, indent=0, sort_keys=True).encode())
        beside.replace(path)
    except OSError:
        return
