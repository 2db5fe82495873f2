import pytest

from tuner.errors import InputError, TunerError
from tuner.secrets import hidden, hidden_values

SECRETS = {
    "postgresql+psycopg://me:pa55@host:5432/studies": "postgresql+psycopg://me:***@host:5432/studies",
    "postgresql://me:p@a/5:5@host/x": "postgresql://me:***@host/x",
    "postgresql://me:pa 55@host/x": "postgresql://me:***@host/x",
    "postgresql://:pa55@host": "postgresql://:***@host",
    "mysql://host/x?user=me&password=pa55&ssl=1": "mysql://host/x?user=me&password=***&ssl=1",
    "https://pa55@mlflow.example": "https://***@mlflow.example",
    "https://me:pa55@mlflow.example/a?b=c": "https://me:***@mlflow.example/a?b=c",
    "https://host/?access_token=pa55#there": "https://host/?access_token=***#there",
    "there is no file https:/me:pa55@host/x": "there is no file https:/me:***@host/x",
    "HTTP://me:pa55@HOST": "HTTP://me:***@HOST",
    "no answer from https://me:pa55@host:1/x, nor from http://pa55@b": (
        "no answer from https://me:***@host:1/x, nor from http://***@b"
    ),
    "'storage.url=redis://:pa55@h' cannot be read": (
        "'storage.url=redis://:***@h' cannot be read"
    ),
}

HARMLESS = [
    "",
    "sqlite:///outputs/study.db",
    "postgresql://me@host/studies",
    "http://127.0.0.1:5000",
    "write to me@example.org or see https://example.org/a",
    "a?b=c&d=e",
    "models:/a@b",
]


@pytest.mark.parametrize("text", SECRETS)
def test_masks_what_is_secret_and_leaves_the_rest(text):
    assert hidden(text) == SECRETS[text]


@pytest.mark.parametrize("text", HARMLESS)
def test_leaves_texts_without_secrets(text):
    assert hidden(text) == text


@pytest.mark.parametrize("text", SECRETS)
def test_masking_twice_changes_nothing(text):
    assert hidden(hidden(text)) == hidden(text)


def test_masks_inside_nested_values():
    url = "postgresql://me:pa55@host/x"
    found = hidden_values({"a": [url, 1, None], "b": {"c": (url,)}})
    assert found == {"a": [hidden(url), 1, None], "b": {"c": [hidden(url)]}}


def test_masks_what_the_environment_keeps_secret(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_abcdefgh")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hf_abcdefgh-and-more")
    monkeypatch.setenv("MAX_TOKENS", "100000000")
    monkeypatch.setenv("PGPASSWORD", "short")
    text = "Illegal header b'Bearer hf_abcdefgh\\n' or hf_abcdefgh-and-more, 100000000, short"
    assert hidden(text) == "Illegal header b'Bearer ***\\n' or ***, 100000000, short"


@pytest.mark.parametrize(
    "name",
    [
        "KAGGLE_KEY",
        "MY_SECRET_KEY",
        "DB_PASS",
        "DB_PASSWORD_PROD",
        "AWS_SECRET_ACCESS_KEY",
        "OPENAI_API_KEY",
        "API_KEY_2",
        "WANDB_API_KEY",
        "AZURE_STORAGE_KEY",
        "GITHUB_TOKEN",
        "TOKEN2",
        "SSH_PASSPHRASE",
        "MYSQL_PWD",
        "GITHUB_PAT",
        "passwd",
        "SECRET_KEY_BASE",
        "SERVICE_CREDENTIALS",
        "STORAGE_ACCOUNT_KEY",
        "APIKEY",
    ],
)
def test_masks_variables_by_every_usual_name(monkeypatch, name):
    monkeypatch.setenv(name, "n0t-for-you")
    assert hidden("login failed: n0t-for-you, n0t-for-you.") == "login failed: ***, ***."


@pytest.mark.parametrize(
    "name",
    [
        "PWD",
        "OLDPWD",
        "KEYBOARD_LAYOUT",
        "MONKEYS",
        "COMPASS_MODE",
        "PATH",
        "TOKENIZERS_PARALLELISM",
        "MAX_TOKENS",
        "PASSWORD_FILE",
        "SSH_KEY_PATH",
        "SECRET_NAME",
        "GIT_ASKPASS_CMD",
    ],
)
def test_leaves_variables_of_other_names(monkeypatch, name):
    monkeypatch.setenv(name, "something-else")
    assert hidden("this is something-else") == "this is something-else"


def test_a_short_secret_is_masked_where_it_stands_alone_and_no_plain_word_is(monkeypatch):
    monkeypatch.setenv("DB_PASS", "pa55!")
    monkeypatch.setenv("OTHER_PASS", "test")
    assert hidden("pa55! is not xpa55!; data.test") == "*** is not xpa55!; data.test"


def test_the_path_of_a_file_with_a_secret_is_no_secret(monkeypatch, tmp_path):
    key = tmp_path / "key.json"
    key.touch()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    assert hidden(f"{key} is missing") == f"{key} is missing"


def test_no_error_of_ours_shows_a_password():
    url = "postgresql://me:pa55@host/x"
    error = InputError(f"{url} is wrong", where=f"storage.url={url}", remedy=f"not {url}")
    parts = (str(error), error.problem, error.where, error.remedy, str(TunerError(f"no {url}")))
    assert all("pa55" not in part and "me:***@host" in part for part in parts)


def test_a_secret_that_no_path_can_be_is_masked_and_harms_nothing(monkeypatch):
    secret = "/" + "A" * 300
    monkeypatch.setenv("SSL_KEY", secret)
    assert hidden(f"refused: {secret}") == "refused: ***"
    assert str(TunerError("hello")) == "hello"
