"""Keys, tokens and passwords do not leave the machine."""

import pytest

from ai_manager._capture.secrets import HIDDEN, is_secret, mask, masked_arguments, secret_values, without_user

TOKENS = [
    "sk-proj-abcdefghijklmnopqrstuvwx",
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "hf_abcdefghijklmnopqrstuvwxyz",
    "AKIAIOSFODNN7EXAMPLE",
    "aimgr_0123456789abcdef0123",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0abc.dBjftJeZ4CVP",
]


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "db.password",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET",
        "HF_TOKEN",
        "--api-key",
        "apiKey",
        "wandb.api_key",
    ]
    + ["OPENAI_KEY", "clientSecret", "github-token", "SLACK_PWD", "credentials", "SENTRY_DSN", "auth_token"],
)
def test_names_of_secrets_are_known(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    ["max_tokens", "tokenizer", "lr", "pad_token", "key", "keyboard", "author", "passes", "token_dim", "monkey"]
    + ["eos-token", "password_file", "SSH_AUTH_SOCK", ""],
)
def test_other_names_are_not_taken_for_secrets(name):
    assert not is_secret(name)


@pytest.mark.parametrize("token", TOKENS)
def test_the_shape_of_a_token_is_hidden_wherever_it_stands(token):
    assert mask(f"curl -H 'X: {token}' there") == f"curl -H 'X: {HIDDEN}' there"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--api-key=abc"], [f"--api-key={HIDDEN}"]),
        (["--api-key", "abc", "--lr", "0.1"], ["--api-key", HIDDEN, "--lr", "0.1"]),
        (["--password", "--verbose"], ["--password", "--verbose"]),
        (["db.password=abc", "max_tokens=512"], [f"db.password={HIDDEN}", "max_tokens=512"]),
        (["https://me:abc@host/x?a=1&token=abc"], [f"https://{HIDDEN}@host/x?a=1&token={HIDDEN}"]),
        (['{"api_key": "abc", "lr": 1}'], [f'{{"api_key": "{HIDDEN}", "lr": 1}}']),
        (["-c", "import os; PASSWORD = 'abc'"], ["-c", f"import os; PASSWORD = '{HIDDEN}'"]),
    ],
)
def test_the_values_of_secret_options_are_hidden(arguments, shown):
    assert masked_arguments(arguments) == shown


def test_a_difference_shows_the_code_and_not_the_secrets():
    diff = (
        '+API_KEY = "abc123"\n+HF_TOKEN=abc123\n+tokens = tokenizer(text)\n+sorted(x, key=lambda y: y)\n+key = "name"\n'
    )
    assert mask(diff) == (
        f'+API_KEY = "{HIDDEN}"\n+HF_TOKEN={HIDDEN}\n+tokens = tokenizer(text)\n+sorted(x, key=lambda y: y)\n+key = "name"\n'
    )


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://me:abc@github.com/a/b.git", "https://github.com/a/b.git"),
        ("https://ghp_abc@github.com/a/b.git", "https://github.com/a/b.git"),
        ("ssh://git@github.com/a/b.git", "ssh://git@github.com/a/b.git"),
        ("ssh://me:abc@host/a", "ssh://host/a"),
        ("git@github.com:a/b.git", "git@github.com:a/b.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
    ],
)
def test_an_address_loses_its_credentials(address, shown):
    assert without_user(address) == shown


def test_values_that_are_looked_for_in_text_are_long_enough_and_the_longest_comes_first():
    environment = {"HF_TOKEN": "abcdefgh", "DB_PASSWORD": "abcdefgh123", "X_TOKEN": "1", "HOME": "/home/somebody"}
    assert secret_values(environment, ["key-of-the-client", None]) == ["key-of-the-client", "abcdefgh123", "abcdefgh"]


def test_a_long_text_is_searched_in_time_that_grows_with_its_length():
    for text in ("a" * 300_000, "key" * 100_000, "://" * 100_000, "token=" * 50_000):
        assert len(mask(text)) > 0
