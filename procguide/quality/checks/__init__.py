"""One file a check, or a tight family of them: each has ``CHECKS``, and is found by being here."""
