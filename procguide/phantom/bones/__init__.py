"""Vertebrae, discs, sacrum, pelvis and ribs as solids."""
