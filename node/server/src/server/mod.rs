//! A node as a process: the core's event loop, between its connections and its disk.

mod clock;
mod log;
mod options;
mod process;

pub use self::{
    options::Options,
    process::{Listening, ServeError, Server},
};
