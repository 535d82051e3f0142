"""Credentials that look right and open nothing, so that every route finds what it asks for."""

from __future__ import annotations

import json
import os
from pathlib import Path

MADE_UP = "made-up"
KEYS = (
    *("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "AZURE_API_KEY", "AZURE_AI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
    *("OPENROUTER_API_KEY", "DASHSCOPE_API_KEY", "DATABRICKS_API_KEY", "SNOWFLAKE_JWT", "VERCEL_AI_GATEWAY_API_KEY"),
    *("MINIMAX_API_KEY", "ZAI_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY", "MISTRAL_API_KEY", "GROQ_API_KEY"),
    *("FIREWORKS_API_KEY", "TOGETHERAI_API_KEY", "MOONSHOT_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    *("BEDROCK_MANTLE_API_KEY", "LITELLM_API_KEY", "LITELLM_PROXY_API_KEY", "AZURE_OPENAI_API_KEY"),
)
SETTINGS = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOG": "CRITICAL",
    "SNOWFLAKE_ACCOUNT_ID": "example",
    "AZURE_OPENAI_ENDPOINT": "https://example.openai.azure.com",
    "OPENAI_API_VERSION": "2025-04-01-preview",
    "LANGSMITH_TRACING": "false",
    "OTEL_SDK_DISABLED": "true",
    "NO_PROXY": "*",
}


def made_up_credentials(home: Path) -> None:
    """Puts keys into the environment, and files with a service account and a token into a folder."""
    os.environ.update({**dict.fromkeys(KEYS, MADE_UP), **SETTINGS, "HOME": str(home)})
    account = home / "account.json"
    account.write_text(json.dumps(_service_account()), encoding="utf-8")
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(account)
    (home / "access-token").write_text(MADE_UP, encoding="utf-8")
    os.environ["GITHUB_COPILOT_TOKEN_DIR"] = str(home)


def _service_account() -> dict[str, str]:
    """A service account of Google's with a key of its own; its token comes from the loopback server."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "project_id": "notes",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "nobody@notes.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
