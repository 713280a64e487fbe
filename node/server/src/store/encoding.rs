//! Values as they lie in the file: four bytes of CRC-32, little endian, over the name that the value is stored under
//! and the value's postcard; then that postcard.

use serde::{Serialize, de::DeserializeOwned};

const CHECKSUM_BYTES: usize = 4;

/// A value that is not what was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("checksum mismatch")]
    Checksum,
    #[error("the checksum fits, but not the format")]
    Format,
}

/// Encodes a value that is stored under `name`.
pub(super) fn seal(name: &[u8], value: &impl Serialize) -> Vec<u8> {
    let mut sealed =
        postcard::to_extend(value, vec![0; CHECKSUM_BYTES]).expect("what is stored can be encoded into memory");
    let checksum = checksum(name, &sealed[CHECKSUM_BYTES..]);
    sealed[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    sealed
}

/// Decodes the first part of a value: all of it, or, where `T` is what the value begins with, as much as that takes.
pub(super) fn unseal<T: DeserializeOwned>(name: &[u8], sealed: &[u8]) -> Result<T, Damage> {
    let (stored, body) = sealed.split_first_chunk().ok_or(Damage::Checksum)?;
    if u32::from_le_bytes(*stored) != checksum(name, body) {
        return Err(Damage::Checksum);
    }
    let (value, _) = postcard::take_from_bytes(body).map_err(|_| Damage::Format)?;
    Ok(value)
}

fn checksum(name: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(name);
    hasher.update(body);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_changed_bit_of_value_or_name_is_noticed() {
        let sealed = seal(b"name", &(7u64, "value"));
        assert_eq!(unseal(b"name", &sealed), Ok((7u64, "value".to_owned())));
        assert_eq!(
            unseal(b"name", &sealed),
            Ok(7u64),
            "a value begins with its first field"
        );
        assert_eq!(unseal::<u64>(b"nama", &sealed), Err(Damage::Checksum));
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal::<u64>(b"name", &damaged), Err(Damage::Checksum), "bit {bit}");
        }
    }
}
