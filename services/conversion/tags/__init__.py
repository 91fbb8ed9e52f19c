"""Read the tags and the cover of a source, and write those of an output."""
