"""Test that a missing or invalid setting stops a service and is explained."""

import time

import pytest

from libs.core.settings import Settings, load, variables_of
from services.conversion.settings import WorkerSettings
from services.janitor.settings import JanitorSettings
from tests.deploy.service_settings import ENOUGH, KINDS, SECRET, invalid, required, start


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Set the required variables of all services, and no optional one."""
    for kind in KINDS.values():
        for name, field in kind.model_fields.items():
            for variable in variables_of(name, field):
                monkeypatch.delenv(variable, raising=False)
    for variable, value in ENOUGH.items():
        monkeypatch.setenv(variable, value)
    return monkeypatch


@pytest.mark.parametrize(("service", "variable"), required())
def test_missing_required_variable_stops_the_start_with_an_example(
    service: str, variable: str
) -> None:
    field = next(
        f for n, f in KINDS[service].model_fields.items() if variable in variables_of(n, f)
    )
    began = time.monotonic()

    ended = start(service, {name: value for name, value in ENOUGH.items() if name != variable})

    assert time.monotonic() - began < 3
    assert ended.returncode == 2
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"{variable} is not set: ")
    assert str(field.description) in line
    assert f"Example: {variable}=" in line
    assert SECRET not in line


@pytest.mark.parametrize("service", KINDS)
def test_each_description_completes_the_sentence_that_begins_with_it_is(service: str) -> None:
    """An operator reads: "TINYPIXO_BUCKET is not set: it is the S3 bucket of all files."."""
    described = [str(field.description) for field in KINDS[service].model_fields.values()]

    assert [text for text in described if not text.startswith(("the ", "a "))] == []


@pytest.mark.parametrize(
    ("service", "variable", "attribute"),
    [
        ("progress", "TINYPIXO_KEEP_ALIVE", "keep_alive"),
        ("progress", "TINYPIXO_HEARTBEAT", "keep_alive"),
        ("upload", "TINYPIXO_PARTS_IN_MEMORY", "max_parts_in_memory"),
        ("upload", "TINYPIXO_PARTS_AT_ONCE", "max_parts_in_memory"),
    ],
)
def test_a_renamed_variable_is_read_under_both_names(
    environment: pytest.MonkeyPatch, service: str, variable: str, attribute: str
) -> None:
    environment.setenv(variable, "7")

    assert getattr(load(KINDS[service]), attribute) == 7


@pytest.mark.parametrize("service", KINDS)
def test_empty_required_variable_counts_as_missing(service: str) -> None:
    ended = start(service, {**ENOUGH, "TINYPIXO_BUCKET": ""})

    assert ended.returncode == 2
    assert ended.stderr.startswith("TINYPIXO_BUCKET is not set: ")


def test_all_missing_variables_are_reported_together() -> None:
    ended = start("upload", {})

    names = {line.partition(" ")[0] for line in ended.stderr.splitlines()}
    assert names == {variable for service, variable in required() if service == "upload"}


def test_command_line_sweep_needs_the_same_settings() -> None:
    ended = start(
        "janitor",
        {name: value for name, value in ENOUGH.items() if name != "TINYPIXO_JANITOR_TOKEN"},
        "sweep",
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("TINYPIXO_JANITOR_TOKEN is not set: ")


@pytest.mark.parametrize(("service", "variable", "value"), invalid())
def test_invalid_value_is_reported_with_its_variable(
    service: str,
    variable: str,
    value: str,
    environment: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    environment.setenv(variable, value)

    with pytest.raises(SystemExit) as ended:
        load(KINDS[service])

    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{variable} is invalid (")
    assert f"Example: {variable}=" in line
    assert value == "x" or value not in line


@pytest.mark.parametrize("service", KINDS)
def test_invalid_value_stops_the_process_with_one_line(service: str) -> None:
    ended = start(service, {**ENOUGH, "TINYPIXO_ORIGIN_SECRET": "too-short-a-secret"})

    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert line.startswith("TINYPIXO_ORIGIN_SECRET is invalid (")
    assert "too-short-a-secret" not in line


@pytest.mark.parametrize("kind", [WorkerSettings, JanitorSettings])
@pytest.mark.parametrize("secret", [None, SECRET])
def test_worker_and_janitor_need_no_secret_of_sessions_and_keep_none(
    environment: pytest.MonkeyPatch, kind: type[Settings], secret: str | None
) -> None:
    """Earlier installations still set it."""
    environment.delenv("TINYPIXO_SESSION_SECRET")
    if secret:
        environment.setenv("TINYPIXO_SESSION_SECRET", secret)

    assert not hasattr(load(kind), "session_secret")


def test_the_worker_is_a_command_of_the_conversion_service() -> None:
    """Without its last setting it says so: it needs that one, and no secret of sessions."""
    unset = ("TINYPIXO_SESSION_SECRET", "TINYPIXO_CONVERSION_INBOX_URL")
    ended = start("conversion", {k: v for k, v in ENOUGH.items() if k not in unset}, "worker")

    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert line.startswith("TINYPIXO_CONVERSION_INBOX_URL is not set: ")


def test_error_names_the_alias_that_was_set(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.delenv("AWS_REGION")
    environment.setenv("AWS_DEFAULT_REGION", "Frankfurt")

    with pytest.raises(SystemExit):
        load(KINDS["upload"])

    assert capsys.readouterr().err.startswith("AWS_DEFAULT_REGION is invalid (")
