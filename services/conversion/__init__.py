"""Convert uploads to other formats."""
