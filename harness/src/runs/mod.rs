//! Runs that were saved: listed, looked into, brought from elsewhere, and taken away.
//!
//! They lie as `<out>/<scenario>/<run>/`. Nothing here touches anything that is no run's folder.

mod files;
mod import;
mod list;
mod prune;

pub use self::{
    files::{RunFile, files_of},
    import::import,
    list::{Judged, LATEST, Listed, Listing, Outcome, find, list},
    prune::{PruneOptions, mend_latest, remove, to_prune},
};
