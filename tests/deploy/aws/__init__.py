"""Tests of `make deploy` and its siblings."""
