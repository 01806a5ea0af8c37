//! The name that somebody meant.

/// The known name nearest to `text`, if one is near: by optimal string alignment (restricted
/// Damerau-Levenshtein distance), at most a third of the letters.
pub fn nearest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text: String = text.to_lowercase().replace('-', "_");
    let limit = (text.chars().count() / 3).clamp(1, 3);
    known
        .map(|name| (strsim::osa_distance(&text, &name.replace('-', "_")), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let known = ["purpose", "retention", "look_rate", "url"];
        for (text, name) in [
            ("purpos", Some("purpose")),
            ("Look-Rate", Some("look_rate")),
            ("retnetion", Some("retention")),
            ("uri", Some("url")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(text, known.into_iter()), name, "{text}");
        }
    }
}
