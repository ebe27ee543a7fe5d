"""Floor 1: the ZFS send-stream format, read without trust in its lengths."""
