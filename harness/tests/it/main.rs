//! What the harness is made of, tested from outside.

mod quic;
mod switch;
