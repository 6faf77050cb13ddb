"""Pictures of every page for the documentation: ``python -m tests.screenshots``."""
