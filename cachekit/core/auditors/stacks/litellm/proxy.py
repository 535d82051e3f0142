"""The config.yaml of a LiteLLM proxy: which deployment an alias stands for, and the keywords that come with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import import_module
from pathlib import Path

from cachekit.core.auditors.stacks.litellm.endpoint import ENDPOINT, may_be_anthropic
from cachekit.core.errors import InputError, UsageError
from cachekit.core.shape import items, mapping, text

_MESSAGES = "/v1/messages"
_NOT_MERGED = ("model", "api_key", "rpm", "tpm", "weight")
_SETTINGS = ("drop_params",)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of model_list: the alias, which may hold `*`, and the keywords of its litellm_params."""

    alias: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """The deployments in their order, aliases of aliases, and settings that hold for every call."""

    deployments: tuple[Deployment, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)


def load_proxy_config(config: Mapping[str, object]) -> ProxyConfig:
    """The parts of a proxy's config that decide what is sent. Entries that cannot be read are left out."""
    config = mapping(config)
    settings = mapping(config.get("litellm_settings"))
    router = mapping(config.get("router_settings"))
    held = {key: settings[key] for key in _SETTINGS if key in settings}
    if settings.get("enable_anthropic_prompt_caching") is True:
        held["enable_prompt_caching"] = True
    groups = {
        alias: group
        for alias, group in mapping(router.get("model_group_alias")).items()
        if isinstance(alias, str) and isinstance(group, str)
    }
    return ProxyConfig(tuple(_deployments(config)), groups, held)


def _deployments(config: Mapping[str, object]) -> list[Deployment]:
    found = []
    for entry in items(config.get("model_list")):
        alias, params = text(mapping(entry).get("model_name")), mapping(mapping(entry).get("litellm_params"))
        if alias is not None and text(params.get("model")) is not None:
            found.append(Deployment(alias, params))
    return found


def read_proxy_config(path: Path) -> Mapping[str, object]:
    """A config.yaml as JSON values. Raises InputError where it cannot be read, UsageError where PyYAML is missing."""
    try:
        yaml = import_module("yaml")
    except ImportError:
        raise UsageError("reading a LiteLLM config needs PyYAML", mend="pip install cachekit[litellm]") from None
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError):
        raise InputError("the LiteLLM config cannot be read", where=str(path)) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise InputError("the LiteLLM config is no YAML", where=str(path)) from None
    if not isinstance(config, dict):
        raise InputError("the LiteLLM config is no mapping", where=str(path), mend="it needs a model_list")
    return config


def resolve_alias(request: Mapping[str, object], config: ProxyConfig) -> Mapping[str, object]:
    """A request to the proxy as the call that the proxy makes: the deployment's model and keywords, the request's own
    keywords winning. A model that is no alias is left as it is. With several deployments the first one stands for
    all, and the keyword of ours says which others there are."""
    asked = text(request.get("model")) or ""
    alias = config.groups.get(asked, asked)
    exact = [deployment for deployment in config.deployments if deployment.alias == alias]
    found = exact or [d for d in config.deployments if "*" in d.alias and fnmatchcase(alias, d.alias)]
    merged: dict[str, object] = {**config.settings}
    if found:
        merged |= {k: v for k, v in found[0].params.items() if isinstance(k, str) and k not in _NOT_MERGED}
    merged |= request
    if found:
        merged["model"] = _model(found[0], alias)
        others = {_model(deployment, alias) for deployment in found} - {merged["model"]}
        if others:
            merged["litellm_other_models"] = sorted(others)
    if may_be_anthropic(request):
        merged[ENDPOINT] = _MESSAGES
    return merged


def _model(deployment: Deployment, alias: str) -> str:
    """The deployment's model; a `*` in it is what the alias has in the place of its own."""
    model = str(deployment.params["model"])
    if "*" not in model or "*" not in deployment.alias:
        return model
    head, _, tail = deployment.alias.partition("*")
    return model.replace("*", alias[len(head) : len(alias) - len(tail)], 1)
