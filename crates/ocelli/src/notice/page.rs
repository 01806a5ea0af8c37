//! Notices as a page: no script, no style, nothing to fetch.

use std::{collections::BTreeMap, sync::LazyLock};

use super::{Notice, Notices};

/// Languages of the texts; the first is taken where none fits.
pub const LANGUAGES: [&str; 3] = ["en", "de", "fr"];

type Texts = BTreeMap<String, BTreeMap<String, String>>;

static TEXTS: LazyLock<Texts> =
    LazyLock::new(|| serde_json::from_str(include_str!("texts.json")).unwrap_or_default());

/// Texts in one language.
struct Said(&'static str);

impl Said {
    fn text(&self, key: &str) -> &'static str {
        let texts = TEXTS.get(self.0);
        texts
            .and_then(|texts| texts.get(key))
            .map_or("", String::as_str)
    }

    /// A text with its placeholders filled in, safe in HTML.
    fn fill(&self, key: &str, fills: &[(&str, &str)]) -> String {
        let mut text = escaped(self.text(key));
        for (name, value) in fills {
            text = text.replace(&format!("{{{name}}}"), &escaped(value));
        }
        text
    }

    fn hours(&self, hours: u32) -> String {
        let (key, number) = match (hours / 24, hours % 24) {
            (days @ 2.., 0) => ("days", days),
            _ => ("hours", hours),
        };
        self.text(key).replace("{number}", &number.to_string())
    }
}

/// The page of some notices in the language of [`LANGUAGES`] that `wanted` names first, as the
/// header `Accept-Language` does.
pub fn page(notices: &Notices, wanted: &str) -> String {
    let said = Said(language(wanted));
    let site = notices.site.as_deref().unwrap_or(said.text("site"));
    let title = said.fill("title", &[("site", site)]);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n<p>{}</p>\n",
        said.0,
        said.fill("intro", &[]),
    );
    if notices.notices.is_empty() {
        push(
            &mut html,
            format_args!("<p>{}</p>\n", said.fill("none", &[])),
        );
    }
    for notice in &notices.notices {
        add(&mut html, &said, notice);
    }
    let contact = match &notices.contact {
        Some(contact) => escaped(contact),
        None => said.fill("contact_none", &[]),
    };
    let heading = said.fill("contact", &[]);
    push(
        &mut html,
        format_args!("<h2>{heading}</h2>\n<p>{contact}</p>\n</main>\n</body>\n</html>\n"),
    );
    html
}

fn add(html: &mut String, said: &Said, notice: &Notice) {
    let heading = match &notice.id {
        Some(id) => said.fill("camera", &[("id", id)]),
        None => said.fill("cameras", &[("number", &notice.cameras.to_string())]),
    };
    let rules: Vec<&str> = notice.rules.iter().map(String::as_str).collect();
    let rules = match rules.as_slice() {
        [] => said.fill("rules_none", &[]),
        rules => escaped(&rules.join(", ")),
    };
    let kept = [
        ("retention", said.hours(notice.retention_hours)),
        ("trail", said.hours(notice.trail_hours)),
    ];
    let kept = kept.each_ref().map(|(name, text)| (*name, text.as_str()));
    push(html, format_args!("<h2>{heading}</h2>\n<dl>\n"));
    for (term, text) in [
        ("purpose", escaped(&notice.purpose)),
        (
            "computed",
            said.fill("computed_text", &[("labels", &notice.labels.join(", "))]),
        ),
        ("rules", rules),
        ("kept", said.fill("kept_text", &kept)),
    ] {
        push(
            html,
            format_args!("<dt>{}</dt>\n<dd>{text}</dd>\n", said.fill(term, &[])),
        );
    }
    html.push_str("</dl>\n");
}

fn push(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.push_str(&text.to_string());
}

fn language(wanted: &str) -> &'static str {
    wanted
        .split(',')
        .filter_map(|part| part.split([';', '-']).next())
        .find_map(|part| {
            let part = part.trim().to_ascii_lowercase();
            LANGUAGES.into_iter().find(|language| *language == part)
        })
        .unwrap_or(LANGUAGES[0])
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{')
            .skip(1)
            .filter_map(|part| part.split('}').next())
            .collect()
    }

    #[test]
    fn every_language_says_everything() {
        let keys: Vec<&String> = TEXTS["en"].keys().collect();
        assert!(keys.len() > 10);
        let known: BTreeSet<&str> = TEXTS.keys().map(String::as_str).collect();
        assert_eq!(known, LANGUAGES.into());
        for language in LANGUAGES {
            let texts = &TEXTS[language];
            assert_eq!(texts.keys().collect::<Vec<_>>(), keys, "{language}");
            for (key, text) in texts {
                assert!(!text.is_empty(), "{language} {key}");
                assert_eq!(
                    placeholders(text),
                    placeholders(&TEXTS["en"][key]),
                    "{language} {key}"
                );
            }
        }
    }

    #[test]
    fn a_page_is_in_the_language_that_fits_and_holds_no_markup_of_others() {
        let notices = Notices {
            site: Some("<script>alert(1)</script>".to_owned()),
            contact: None,
            notices: vec![Notice {
                id: None,
                cameras: 3,
                purpose: "count & \"see\"".to_owned(),
                labels: vec!["person".to_owned()],
                rules: BTreeSet::new(),
                retention_hours: 168,
                trail_hours: 24,
            }],
        };
        let html = page(&notices, "es, de-AT;q=0.8, en");
        assert!(
            html.contains("lang=\"de\"") && html.contains("7 Tage"),
            "{html}"
        );
        assert!(
            html.contains("3 Kameras") && html.contains("24 Stunden"),
            "{html}"
        );
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("count &amp; &quot;see&quot;"), "{html}");
        assert!(!html.contains(['{', '}']), "{html}");
        assert!(page(&notices, "").contains("lang=\"en\""));
    }
}
