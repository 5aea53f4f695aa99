//! The list in `Sec-WebSocket-Extensions` (RFC 6455 section 9.1, on the lists and tokens of RFC
//! 9110 section 5.6).
//!
//! Not here: the meaning of an extension.

/// A field breaks the grammar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Malformed;

/// One extension with its parameters, in order.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Extension<'a> {
    pub(super) name: &'a str,
    pub(super) parameters: Vec<(&'a str, Option<String>)>,
}

/// The extensions of one field.
pub(super) fn parse(field: &[u8]) -> Result<Vec<Extension<'_>>, Malformed> {
    let mut cursor = Cursor(field);
    let mut extensions = Vec::new();
    loop {
        cursor.skip_space();
        if cursor.0.is_empty() {
            return Ok(extensions);
        }
        // Empty elements are allowed to recipients.
        if !cursor.eat(b',') {
            extensions.push(cursor.extension()?);
            if !cursor.0.is_empty() && !cursor.eat(b',') {
                return Err(Malformed);
            }
        }
    }
}

/// The rest of a field.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn extension(&mut self) -> Result<Extension<'a>, Malformed> {
        let name = self.token()?;
        let mut parameters = Vec::new();
        loop {
            self.skip_space();
            if !self.eat(b';') {
                return Ok(Extension { name, parameters });
            }
            self.skip_space();
            let name = self.token()?;
            self.skip_space();
            let value = if self.eat(b'=') { Some(self.value()?) } else { None };
            parameters.push((name, value));
        }
    }

    /// A token, or a quoted string that is one when it has been unescaped.
    fn value(&mut self) -> Result<String, Malformed> {
        self.skip_space();
        if !self.eat(b'"') {
            return self.token().map(str::to_owned);
        }
        let mut value = String::new();
        loop {
            let (&byte, rest) = self.0.split_first().ok_or(Malformed)?;
            self.0 = rest;
            let byte = match byte {
                b'"' if value.is_empty() => return Err(Malformed),
                b'"' => return Ok(value),
                b'\\' => {
                    let (&escaped, rest) = self.0.split_first().ok_or(Malformed)?;
                    self.0 = rest;
                    escaped
                }
                byte => byte,
            };
            if !is_token(byte) {
                return Err(Malformed);
            }
            value.push(char::from(byte));
        }
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        let end = self.0.iter().position(|&byte| !is_token(byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        match std::str::from_utf8(token) {
            Ok(token) if !token.is_empty() => Ok(token),
            _ => Err(Malformed),
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        while self.eat(b' ') || self.eat(b'\t') {}
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_extensions_with_parameters_in_order() {
        let parsed = parse(b" foo ; a=1;b ; c = \"x\\y\" , ,bar,\t").expect("well-formed");
        let value = |text: &str| Some(text.to_owned());
        let parameters = vec![("a", value("1")), ("b", None), ("c", value("xy"))];
        let expected =
            [Extension { name: "foo", parameters }, Extension { name: "bar", parameters: vec![] }];
        assert_eq!(parsed, expected);
        assert_eq!(parse(b""), Ok(vec![]));
    }

    #[test]
    fn what_breaks_the_grammar_is_malformed() {
        for field in [
            "foo bar",
            "foo;",
            "foo;;a",
            "foo;a=",
            "foo;=1",
            ";a",
            "foo;a=\"",
            "foo;a=\"\"",
            "foo;a=\"b c\"",
            "foo;a=\"b\"c",
            "foo;a=\"\\",
            "foo;a=b c",
            "f\u{e9}",
            "foo=1",
        ] {
            assert_eq!(parse(field.as_bytes()), Err(Malformed), "{field}");
        }
    }
}
