"""The adapters: one package per technology."""
