//! Messages with holes: `operator {operator} has max parallelism {stored} in the savepoint`.
//!
//! A hole takes the least text up to what stands behind it in the template, the last one the rest of the line.

/// A message with holes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template(pub(super) &'static str);

/// What stands in the holes, by their names.
pub(super) type Holes = Vec<(&'static str, String)>;

impl Template {
    /// The holes, if the message is somewhere in the line.
    pub(super) fn find(self, line: &str) -> Option<Holes> {
        let mut parts = self.0.split('{');
        let head = parts.next().unwrap_or_default();
        let (_, mut rest) = line.split_once(head)?;
        let mut holes = Holes::new();
        for part in parts {
            let (name, literal) = part.split_once('}')?;
            let (value, behind) = if literal.is_empty() { (rest, "") } else { rest.split_once(literal)? };
            holes.push((name, value.trim().to_owned()));
            rest = behind;
        }
        Some(holes)
    }

    /// The template with its holes filled; those that are not known stay as they are.
    pub(super) fn fill(self, holes: &[(&str, String)]) -> String {
        let filled =
            |text: String, (name, value): &(&str, String)| text.replace(&format!("{{{name}}}"), value);
        holes.iter().fold(self.0.to_owned(), filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_take_what_stands_between_the_words() {
        let template = Template("operator {operator} with max parallelism {stored} to {set}.");
        let holes = template.find("x: operator a b with max parallelism 128 to 64. The end").unwrap();
        assert_eq!(holes, [("operator", "a b".into()), ("stored", "128".into()), ("set", "64".into())]);
        assert_eq!(template.find("operator a with"), None);
        assert_eq!(Template("class: {class}").find("class: com.acme.A ").unwrap()[0].1, "com.acme.A");
    }

    #[test]
    fn a_filled_template_keeps_what_is_not_known() {
        assert_eq!(Template("{a} and {b}").fill(&[("a", "1".into())]), "1 and {b}");
    }
}
