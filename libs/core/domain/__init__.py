"""What TinyPixo is about: uploads, conversions, formats, progress. Standard library only."""
