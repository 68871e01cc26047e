"""A service manager that keeps what services report to it, as sd_notify(3) has it."""

import socket


class ServiceManager:
    """Listens at a path, or at "@" and a name without a file."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.bound)
        self._socket.setblocking(False)

    @property
    def bound(self) -> str:
        """The address as the system takes it."""
        return f"\0{self.address[1:]}" if self.address.startswith("@") else self.address

    def received(self) -> list[str]:
        """The messages since the last call."""
        found = []
        try:
            while True:
                found.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return found

    def close(self) -> None:
        self._socket.close()
