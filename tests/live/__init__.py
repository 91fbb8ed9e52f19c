"""Suites on a live AWS account: `make test-aws`; on an emulator if AWS_ENDPOINT_URL is set."""
