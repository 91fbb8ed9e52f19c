"""Hold what all DynamoDB adapters share: requests, conditions, the item format."""
