//! The state machine from outside: interactions of bare nodes, message by message.

mod disk;
mod nodes;
mod script;
mod words;
