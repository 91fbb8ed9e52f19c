"""What a conversion costs on top of plain FFmpeg: `make bench-conversion`. `engine` looks at the engine alone."""
