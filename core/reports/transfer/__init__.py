"""Images made against one network, shown to another."""
