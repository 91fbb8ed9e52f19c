"""Deploy TinyPixo to an AWS account: `python -m deploy.aws --help`."""
