"""What the use cases need from the world. The docstrings are the contract that every adapter is tested against."""
