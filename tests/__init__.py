"""Tests. They mirror the tree, `contracts` holds what every adapter of a port must do."""
