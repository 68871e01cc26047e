"""Plays CoinW: its private WebSocket and the REST calls that read."""
