"""The suites on a live account: `make test-aws`. With AWS_ENDPOINT_URL set the same on an emulator."""
