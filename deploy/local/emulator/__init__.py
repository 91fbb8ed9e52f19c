"""Run MiniStack as the emulator of AWS in the embedded stack.

`virtual_environment` and `process` run in our environment, `server` and `patches` in MiniStack's.
"""
