"""Test `deploy`: templates, the local stack, the emulator and the gateway."""
