"""OpenD: the gateway of Futu and moomoo, watched over its TCP or WebSocket listener."""
