"""Build FFmpeg commands, run them, and parse what FFmpeg prints."""
