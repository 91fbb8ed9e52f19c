"""Test the emulator of the embedded stack: MiniStack with our patches."""
