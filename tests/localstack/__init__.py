"""The whole system on the emulator that people develop with, in containers."""
