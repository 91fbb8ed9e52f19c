"""The adapters for S3, DynamoDB, DynamoDB streams and SQS. Clients come from `clients`; no adapter builds one."""
