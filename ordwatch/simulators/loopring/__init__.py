"""Plays a Loopring relayer: its WebSocket and the REST calls that read."""
