"""Simulated venues on loopback: hosting, faults on the way, and life stories of orders to play there."""
