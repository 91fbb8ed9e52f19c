"""The domain of TinyPixo, its ports, and the adapters for S3, DynamoDB and SQS."""
