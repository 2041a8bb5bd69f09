"""The challenge's platform: its environment and events, and the check of a submission."""
