//! What clients do, and what must then hold.
