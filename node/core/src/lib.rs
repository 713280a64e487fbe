//! What a replica does: a sans-IO state machine.
