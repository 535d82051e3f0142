"""No key is stored or shown, however it is spelt, wherever it stands; what is no secret stays as it is."""

import json

import pytest

from cachekit.core.jsonio.redact import is_secret_name, redact, redact_text

SECRET = "hunter2-hunter2"
NAMES = """api_key apiKey API-KEY x-api-key X_API_Key authorization Authorization authorization_token access_token
accessToken auth-token bearerToken client_secret clientSecret password Passwd secret secretKey aws_secret_access_key
AWS_ACCESS_KEY_ID awsSessionToken private_key cookie Set-Cookie subscription-key azure_api_key token credentials
refresh_token connectionString""".split()
PLAIN = """prompt_cache_key max_tokens cache_control input_tokens token_count key keys tokens author authority
completion_tokens passage session session_id monkey tokenizer budget_tokens secretary""".split()


@pytest.mark.parametrize("name", NAMES)
def test_a_secret_is_known_by_its_name_at_any_depth(name):
    request = {"tools": [{"type": "mcp", "deep": [{"deeper": {name: SECRET}}]}]}
    assert SECRET not in json.dumps(redact(request))


@pytest.mark.parametrize("name", PLAIN)
def test_other_names_stay(name):
    assert not is_secret_name(name)
    assert redact({name: SECRET}) == {name: SECRET}


VALUES = {
    "anthropic": "sk-ant-api03-abcdefghijklmnopqrstuvwxyz",
    "openai": "sk-proj-abcdefghijklmnop1234",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "github": "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "google": "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "a JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4",
    "bearer": "Bearer abc.def-ghi_jkl",
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_key_is_known_by_its_look(value):
    shown = redact({"messages": [{"role": "user", "content": f"Use {value} for it."}]})
    assert value.split()[-1] not in json.dumps(shown)
    assert "Use " in json.dumps(shown)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://ada:s3cr3tpw@mcp.example/sse", "mcp.example/sse"),
        ("https://mcp.example/sse?page=2&access_token=s3cr3tpw", "page=2"),
        ("https://b.s3.amazonaws.com/i.png?X-Amz-Signature=s3cr3tpw&X-Amz-Expires=60", "X-Amz-Expires=60"),
    ],
)
def test_addresses_lose_what_lets_somebody_in(url, kept):
    shown = redact_text(url)
    assert "s3cr3tpw" not in shown
    assert kept in shown


def test_headers_for_a_server_lose_all_values():
    tool = {"type": "mcp", "server_url": "https://mcp.example", "headers": {"X-Team": "a-private-thing"}}
    assert redact(tool) == {**tool, "headers": {"X-Team": "(left out)"}}


def test_json_inside_text_is_looked_into():
    assert SECRET not in str(redact({"arguments": json.dumps({"api_key": SECRET, "page": 2})}))


def test_schemas_and_prompts_stay_as_they_are():
    request = {
        "tools": [{"name": "login", "input_schema": {"properties": {"password": {"type": "string"}}}}],
        "messages": [{"role": "user", "content": "Rotate the token; see https://docs.example/keys?page=2#token."}],
        "max_tokens": 5,
    }
    assert redact(request) == request
