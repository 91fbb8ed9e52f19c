"""A plugin for pytest (`-p tests.deploy.fail_every_test`) with which every test fails."""


def pytest_runtest_call() -> None:
    raise AssertionError("sabotage")
