"""Who the subjects are: published sizes, their spread, and one subject as numbers."""
