"""The data template, and what brings it up in emulators."""
