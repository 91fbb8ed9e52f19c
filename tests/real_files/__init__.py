"""Convert the audio files that other projects' packages carry: `make test-real-files`."""
