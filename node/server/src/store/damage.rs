//! Keeps a damaged file from ending the process without a word.
//!
//! redb checks its pages when it opens a file that was not closed, and trusts them otherwise; one that was damaged
//! since makes it panic, more often than not. It is only looked at here, so that nothing is left half done.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Looks at a file; a panic becomes its message.
pub(super) fn guard<T>(look: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(look)).map_err(|panic| message(panic.as_ref()))
}

/// What a panic said.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<String>().map(String::as_str);
    let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("damaged: {}", said.unwrap_or("no more is known"))
}
