"""A plugin for pytest (`-p tests.deploy.sabotage`) with which every test fails."""


def pytest_runtest_call() -> None:
    raise AssertionError("sabotage")
