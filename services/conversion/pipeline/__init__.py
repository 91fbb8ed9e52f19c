"""Convert one file in steps: probe, plan, encode, verify."""
