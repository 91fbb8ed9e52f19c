"""Tests of `deploy`: templates, the local stack, the emulator and its patches, the gateway."""
