"""Implement the ports with S3, DynamoDB, DynamoDB Streams and SQS.

Adapters take their clients as arguments; only `clients` creates them.
"""
