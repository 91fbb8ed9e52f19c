"""Test on a live AWS account: `make test-aws`. AWS_ENDPOINT_URL selects an emulator."""
