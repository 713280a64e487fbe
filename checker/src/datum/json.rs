//! Values from JSON and as JSON. What JSON can't say becomes the nearest that it can: a keyword or symbol a text, a set a
//! list, a key of a map its EDN form unless it is a name.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::Datum;

impl Datum {
    /// Returns the value as JSON. Of two keys of a map that become one the last counts.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Nil => Value::Null,
            Self::Bool(bool) => Value::Bool(*bool),
            Self::Int(int) => Value::from(*int),
            Self::Number(text) => number(text).map_or_else(|| Value::from(&**text), Value::Number),
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

/// Returns a number that is not an integer of 64 bits as near as JSON can say it.
fn number(text: &str) -> Option<Number> {
    let large: Option<u64> = text.strip_suffix('N').unwrap_or(text).parse().ok();
    let float = || Number::from_f64(text.strip_suffix('M').unwrap_or(text).parse().ok()?);
    large.map(Number::from).or_else(float)
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

/// Reads a value of JSON as `From<&Value>` takes it, without making a [`Value`].
///
/// It holds the items of the lists that are being read, innermost last, so that each list is made once, in its size. An
/// error leaves some behind.
pub(crate) struct FromJson<'a>(pub(crate) &'a mut Vec<Datum>);

impl<'de> DeserializeSeed<'de> for FromJson<'_> {
    type Value = Datum;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Datum, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Deserialize<'de> for Datum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FromJson(&mut Vec::new()).deserialize(deserializer)
    }
}

impl<'de> Visitor<'de> for FromJson<'_> {
    type Value = Datum;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_unit<E>(self) -> Result<Datum, E> {
        Ok(Datum::Nil)
    }

    fn visit_bool<E>(self, bool: bool) -> Result<Datum, E> {
        Ok(Datum::Bool(bool))
    }

    fn visit_i64<E>(self, int: i64) -> Result<Datum, E> {
        Ok(Datum::Int(int))
    }

    fn visit_u64<E>(self, int: u64) -> Result<Datum, E> {
        Ok(i64::try_from(int).map_or_else(|_| Datum::Number(int.to_string().into()), Datum::Int))
    }

    fn visit_f64<E>(self, float: f64) -> Result<Datum, E> {
        Ok(Datum::from(&Value::from(float)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Datum, E> {
        Ok(Datum::from(text))
    }

    fn visit_string<E>(self, text: String) -> Result<Datum, E> {
        Ok(Datum::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Datum, A::Error> {
        let first = self.0.len();
        while let Some(item) = items.next_element_seed(FromJson(self.0))? {
            self.0.push(item);
        }
        Ok(Datum::list(self.0.drain(first..)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Datum, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = fields.next_key::<String>()? {
            map.push((key_of(&key), fields.next_value_seed(FromJson(self.0))?));
        }
        Ok(Datum::map(map))
    }
}
