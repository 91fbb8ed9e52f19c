"""Delete the objects of removed items, expired items, and orphans."""
