"""Read the source from S3 and write the output to S3, without a disk."""
