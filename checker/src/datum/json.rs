//! Values from JSON and as JSON. What JSON can't say becomes the nearest that it can: a keyword or symbol a text, a set a
//! list, a key of a map its EDN form unless it is a name.

use serde_json::{Map, Number, Value};

use super::Datum;

impl Datum {
    /// Returns the value as JSON. Of two keys of a map that become one the last counts.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Nil => Value::Null,
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Int(int) => Value::from(*int),
            Self::Number(text) => text
                .parse()
                .ok()
                .and_then(Number::from_f64)
                .map_or_else(|| Value::from(&**text), Value::Number),
            Self::Text(name) | Self::Keyword(name) | Self::Symbol(name) => Value::from(&**name),
            Self::List(items) | Self::Set(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(entries) => {
                let name = |key: &Self| key.as_name().map_or_else(|| key.to_string(), str::to_owned);
                let fields: Map<String, Value> = entries
                    .iter()
                    .map(|(key, value)| (name(key), value.to_json()))
                    .collect();
                Value::Object(fields)
            }
            Self::Tagged(tagged) => tagged.1.to_json(),
        }
    }
}

impl From<&Value> for Datum {
    /// Takes a JSON value. An object's keys become integers where they are written as one, as JSON has no other way to say
    /// so; else texts.
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Nil,
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Number(number) => number
                .as_i64()
                .map_or_else(|| Self::Number(number.to_string().into()), Self::Int),
            Value::String(text) => Self::Text(text.as_str().into()),
            Value::Array(items) => Self::list(items.iter().map(Self::from)),
            Value::Object(fields) => Self::map(fields.iter().map(|(key, value)| (key_of(key), Self::from(value)))),
        }
    }
}

fn key_of(key: &str) -> Datum {
    let int: Option<i64> = key.parse().ok().filter(|int: &i64| int.to_string() == key);
    int.map_or_else(|| Datum::from(key), Datum::Int)
}
