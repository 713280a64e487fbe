//! Values written more than once: a read of one does not say which write it saw, so the key can't be judged by values.

use crate::history::{History, KeyId};

/// Returns why `key` can't be judged by the values that reads returned, if it can't.
pub(crate) fn doubt(history: &History, key: KeyId) -> Option<String> {
    history.repeat(key).map(|value| {
        if value.is_nil() {
            "null was written, which is also the initial state".to_owned()
        } else {
            format!("{} was written more than once", history.value(value))
        }
    })
}
