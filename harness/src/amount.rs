//! Amounts in words.

/// So many of something: `1 key`, `2 keys`.
pub fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        count => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_told_from_others() {
        let told = [0, 1, 2].map(|count| counted(count, "clean run"));
        assert_eq!(told, ["0 clean runs", "1 clean run", "2 clean runs"]);
    }
}
