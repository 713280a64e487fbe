//! Spawns replicas as real processes, breaks what is between and under them, records every operation, and judges the record.
