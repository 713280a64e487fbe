//! What can be judged, by name: a claim of our own store, or what a model of any store promises.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

/// Something that holds of a history or does not. In files it is its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Its name in files and on the command line.
    pub name: Cow<'static, str>,
    /// What it promises, in a line.
    pub promise: Cow<'static, str>,
    /// What it is called when it is broken.
    pub anomaly: &'static str,
}

impl Property {
    /// A property with this name, promise and anomaly.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        promise: impl Into<Cow<'static, str>>,
        anomaly: &'static str,
    ) -> Property {
        Property {
            name: name.into(),
            promise: promise.into(),
            anomaly,
        }
    }
}

impl Serialize for Property {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}
