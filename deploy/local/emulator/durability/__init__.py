"""Store every change before it is acknowledged: a kill or a power cut loses nothing.

MiniStack saves its state when it shuts down cleanly, and only then. Here items, messages and the
configuration go to a SQLite database, objects and parts to files, and a response is sent when
everything that the request has changed is on disk. Records of the table's stream are not stored.
"""
