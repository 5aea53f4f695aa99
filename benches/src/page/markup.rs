//! Escaping of text in markup.

/// Without the characters that markup takes for its own.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // A page has no place for these, escaped or not.
            control if control.is_control() && control != '\n' && control != '\t' => {}
            other => safe.push(other),
        }
    }
    safe
}
