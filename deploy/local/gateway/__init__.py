"""Serve the page and the services on one port: the gateway of `make run`.

nginx and CloudFront do the same in containers and on AWS.
"""
