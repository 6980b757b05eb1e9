//! The `spt migrate` that a message names, as a shell takes it.

/// `spt migrate IN OUT --cast 'kinds/kind:value=enum<Small, Large>'`, to be pasted into a shell.
pub fn command(input: &str, output: &str, arguments: &[String]) -> String {
    let arguments = [input, output].into_iter().chain(arguments.iter().map(String::as_str));
    let arguments: Vec<String> = arguments.map(quoted).collect();
    format!("spt migrate {}", arguments.join(" "))
}

/// The argument as a shell takes it.
pub fn quoted(argument: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,@%+".contains(character);
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_not_take_as_it_is_is_quoted() {
        let arguments = |value: &str| ["--cast".to_owned(), value.to_owned()];
        for (value, expected) in [
            ("sum/sum:value=int64", "sum/sum:value=int64"),
            ("sum/sum:value=decimal(14, 3)", "'sum/sum:value=decimal(14, 3)'"),
            ("sum/sum:value=enum<it's>", r"'sum/sum:value=enum<it'\''s>'"),
            ("", "''"),
        ] {
            let expected = format!("spt migrate 'a b' OUT --cast {expected}");
            assert_eq!(command("a b", "OUT", &arguments(value)), expected);
        }
    }
}
