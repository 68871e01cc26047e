"""The live engine, the only part that dials: one supervisor and one pump, the same for every venue."""
