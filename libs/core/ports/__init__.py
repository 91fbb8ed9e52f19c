"""Define the interfaces that use cases need.

Their docstrings are the contract that the suite in `tests/contracts` holds every adapter to.
"""
