"""Gibbs ringing: found, and removed."""
