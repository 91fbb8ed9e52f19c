"""Run a program without network, files or other processes."""
