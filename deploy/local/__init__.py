"""Run TinyPixo on this machine: `make run` and `make run-localstack`."""
