//! Names and validity of a certificate, read from its DER (RFC 5280; X.690).
//!
//! Not here: whether they are true. Clients' certificates have been verified before.

/// Tag of a sequence.
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
/// Times with two digits of the year, and with four.
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// Of a certificate's parts: the version, which may be missing, and the extensions.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// Of the alternative names: those that are texts.
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// Names of the subject of a certificate.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Names {
    pub(super) common_name: Option<String>,
    pub(super) dns: Vec<String>,
    pub(super) emails: Vec<String>,
    pub(super) uris: Vec<String>,
}

impl Names {
    /// Of a certificate; `None` if it cannot be read.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let mut parts = up_to_validity(certificate)?;
        parts.next()?;
        let subject = parts.enter(SEQUENCE)?;
        let mut names = Self { common_name: common_name(subject)?, ..Self::default() };
        while !parts.is_empty() {
            let (tag, content) = parts.next()?;
            if tag == EXTENSIONS {
                let mut extensions = Der(content).enter(SEQUENCE)?;
                while !extensions.is_empty() {
                    names.read_extension(extensions.enter(SEQUENCE)?)?;
                }
            }
        }
        Some(names)
    }

    fn read_extension(&mut self, mut extension: Der<'_>) -> Option<()> {
        let (_, id) = extension.next().filter(|(tag, _)| *tag == OBJECT_ID)?;
        if id != ALTERNATIVE_NAMES {
            return Some(());
        }
        let (mut tag, mut value) = extension.next()?;
        if tag != OCTETS {
            // Whether it is critical.
            (tag, value) = extension.next()?;
        }
        if tag != OCTETS {
            return None;
        }
        let mut all = Der(value).enter(SEQUENCE)?;
        while !all.is_empty() {
            let (tag, name) = all.next()?;
            let list = match tag {
                EMAIL => &mut self.emails,
                DNS => &mut self.dns,
                URI => &mut self.uris,
                _ => continue,
            };
            list.push(std::str::from_utf8(name).ok()?.to_owned());
        }
        Some(())
    }
}

/// The first and the last second in which a certificate is valid, since 1970; `None` if they cannot
/// be read.
pub(super) fn validity(certificate: &[u8]) -> Option<(u64, u64)> {
    let mut times = up_to_validity(certificate)?.enter(SEQUENCE)?;
    Some((time(times.next()?)?, time(times.next()?)?))
}

/// The parts of a certificate from its validity on.
fn up_to_validity(certificate: &[u8]) -> Option<Der<'_>> {
    let mut parts = Der(certificate).enter(SEQUENCE)?.enter(SEQUENCE)?;
    let (first, _) = parts.clone().next()?;
    if first == VERSION {
        parts.next()?;
    }
    // The serial number, the algorithm and the issuer.
    for _ in 0..3 {
        parts.next()?;
    }
    Some(parts)
}

/// A time in UTC with seconds, the only form in certificates (RFC 5280, section 4.1.2.5), as
/// seconds since 1970.
fn time((tag, text): (u8, &[u8])) -> Option<u64> {
    let (year, rest) = match tag {
        UTC_TIME => {
            let (digits, rest) = text.split_at_checked(2)?;
            let year = number(digits)?;
            (year + if year < 50 { 2_000 } else { 1_900 }, rest)
        }
        GENERALIZED_TIME => {
            let (digits, rest) = text.split_at_checked(4)?;
            (number(digits)?, rest)
        }
        _ => return None,
    };
    let rest = rest.strip_suffix(b"Z").filter(|rest| rest.len() == 10)?;
    let mut fields = rest.chunks(2).map(number);
    let mut field = || fields.next().flatten();
    let (month, day) = (field()?, field()?);
    let (hour, minute, second) = (field()?, field()?, field()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    })
}

/// Days since 1970 of a day in the Gregorian calendar, whose years here begin in March: the leap
/// day is the last.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let in_year = (153 * month + 2) / 5 + day - 1;
    let before = year * 365 + year / 4 - year / 100 + year / 400;
    // Of 0000-03-01.
    (before + in_year).checked_sub(719_468)
}

/// The last common name of a distinguished name, which is the most specific; one that is not in
/// ASCII or UTF-8 does not count.
fn common_name(mut name: Der<'_>) -> Option<Option<String>> {
    let mut found = None;
    while !name.is_empty() {
        let mut set = name.enter(SET)?;
        while !set.is_empty() {
            let mut attribute = set.enter(SEQUENCE)?;
            let (_, id) = attribute.next().filter(|(tag, _)| *tag == OBJECT_ID)?;
            let (_, value) = attribute.next()?;
            if id == COMMON_NAME {
                found = std::str::from_utf8(value).ok().map(str::to_owned).or(found);
            }
        }
    }
    Some(found)
}

/// Values one after the other.
#[derive(Clone, Debug)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tag and content of the next value; `None` if there is none, or it is incomplete.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&len, rest) = rest.split_first()?;
        let (len, rest) = if len < 0x80 {
            (usize::from(len), rest)
        } else {
            // A certificate is shorter than 16 MiB.
            let (bytes, rest) = rest.split_at_checked(usize::from(len & 0x7f))?;
            let is_short = bytes.len() <= 3;
            let len = bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
            (is_short.then_some(len)?, rest)
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next value, which must have this tag.
    fn enter(&mut self, tag: u8) -> Option<Self> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| Self(content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn certificate(names: Vec<SanType>, common_name: &str) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.distinguished_name.push(DnType::OrganizationName, "an organization");
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn names_of_all_kinds_are_read_and_addresses_are_skipped() {
        let names = vec![
            SanType::DnsName("a.test".try_into().unwrap()),
            SanType::IpAddress([127, 0, 0, 1].into()),
            SanType::Rfc822Name("a@b.test".try_into().unwrap()),
            SanType::URI("spiffe://b.test/a".try_into().unwrap()),
            SanType::DnsName("*.b.test".try_into().unwrap()),
        ];
        let names = Names::of(&certificate(names, "J\u{fc}rgen")).unwrap();
        assert_eq!(names.common_name.as_deref(), Some("J\u{fc}rgen"));
        assert_eq!(names.dns, ["a.test", "*.b.test"]);
        assert_eq!(names.emails, ["a@b.test"]);
        assert_eq!(names.uris, ["spiffe://b.test/a"]);
    }

    #[test]
    fn a_certificate_may_have_no_names() {
        let names = Names::of(&certificate(Vec::new(), "device 7")).unwrap();
        assert_eq!(names.common_name.as_deref(), Some("device 7"));
        assert!(names.dns.is_empty());
        assert_eq!(Names::of(b""), None);
    }

    proptest! {
        #[test]
        fn bytes_that_are_changed_or_missing_are_an_error_or_other_names(
            at in 0usize..400,
            byte in any::<u8>(),
            cut in 0usize..400,
        ) {
            let names = vec![SanType::DnsName("a.test".try_into().unwrap())];
            let whole = certificate(names, "a");
            let mut changed = whole.clone();
            if let Some(it) = changed.get_mut(at) {
                *it = byte;
            }
            let _ = (Names::of(&changed), validity(&changed));
            prop_assert_eq!(Names::of(&whole[..cut.min(whole.len() - 1)]), None);
        }
    }
}
