"""Faults on demand, graded and seeded: to calibrate the checks' limits and to test them."""
