"""Implement the ports, with one package per technology."""
