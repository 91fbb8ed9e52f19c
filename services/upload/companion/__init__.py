"""Speak the S3 dialect of Uppy's Companion (https://uppy.io/docs/aws-s3)."""
