"""Plays OpenD, over TCP and WebSocket."""
