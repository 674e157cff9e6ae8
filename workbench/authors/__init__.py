"""What the commands for authors of plugins do."""
