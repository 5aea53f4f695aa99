//! Dates of the Gregorian calendar.

/// Days of 400 years.
const ERA: u64 = 146_097;

/// Year, month and day, so many days after 1970-01-01.
pub(crate) const fn date(days: u64) -> (u64, u64, u64) {
    // Years that begin in March end with the leap day.
    let days = days + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + next, month, day)
}

/// A time in UTC, such as 2025-04-23T01:02:03Z.
pub(crate) fn rfc3339(seconds: u64) -> String {
    let ((year, month, day), of_day) = (date(seconds / 86_400), seconds % 86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(11_017), (2000, 3, 1));
        assert_eq!(date(20_201), (2025, 4, 23));
        assert_eq!(date(47_540), (2100, 2, 28));
        assert_eq!(date(47_541), (2100, 3, 1));
        assert_eq!(rfc3339(1_745_370_123), "2025-04-23T01:02:03Z");
    }
}
