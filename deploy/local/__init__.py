"""The stack on one machine: an emulator in place of AWS, and the services in front of it."""
