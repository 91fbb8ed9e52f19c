"""Make every test fail: a pytest plugin, `-p tests.deploy.fail_every_test`."""


def pytest_runtest_call() -> None:
    raise AssertionError("made to fail")
