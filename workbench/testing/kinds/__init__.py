"""What is asked of each kind of plugin: one file a kind, ``CHECKS`` its questions in order."""
