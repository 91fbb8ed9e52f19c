"""Hold the domain model: uploads, conversions, formats, progress. Standard library only."""
