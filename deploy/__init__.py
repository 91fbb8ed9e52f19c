"""Deploy TinyPixo: templates and images for AWS, and the system on one machine."""
