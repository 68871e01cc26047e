"""What the relayer answered once and is not asked again, for the life of the process: its client keeps it."""

from dataclasses import dataclass, field


@dataclass
class Learned:
    """Shared by all connections and queries of one configured venue."""

    decimals: dict[str, int] = field(default_factory=dict)
    """By token symbol. Decimals do not change: a list that fails, or lacks a token, takes none away."""
    searches: int = 1
    """How often orders that have base units without amounts are still looked for; a recording may hold some."""
    filters_waiting: bool = True
    """Whether REST lists take the status `waiting`, which the documentation leaves out."""
    refused_markets: dict[str, str] = field(default_factory=dict)
    """Markets whose subscription was refused last, with the venue's message."""
