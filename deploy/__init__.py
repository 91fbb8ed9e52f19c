"""Everything that puts TinyPixo somewhere: templates, images, and the stack that runs on one machine."""
