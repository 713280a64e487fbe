//! A witness as a picture: who did what, when, and which faults were on.

mod axis;
mod drawing;
mod lanes;
mod text;

pub use drawing::timeline;
