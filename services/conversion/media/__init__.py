"""What is known about media, without doing anything: formats to FFmpeg's options, its words to facts. No input, no output."""
