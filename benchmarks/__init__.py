"""Measures the program from outside, side by side with what a user would use instead."""
