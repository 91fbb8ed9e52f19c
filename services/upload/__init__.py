"""Takes files in, part by part, and sees them arrive whole."""
