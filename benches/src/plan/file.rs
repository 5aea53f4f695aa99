//! Scenario files: the options of a run as TOML.
//!
//! A command line may override any of them. The given options of both can be had as a table, so
//! that a report can repeat them and an error can name a key that means nothing to a scenario.

use toml::Table;

use super::{Options, PlanError};

impl Options {
    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// [`PlanError::File`] names the line and the key.
    pub fn read(text: &str) -> Result<Self, PlanError> {
        Ok(toml::from_str(text)?)
    }

    /// These options, overridden by others.
    ///
    /// # Errors
    ///
    /// [`PlanError::File`] when the two do not fit together.
    pub fn overridden_by(&self, others: &Self) -> Result<Self, PlanError> {
        let mut given = self.given();
        given.extend(others.given());
        Ok(given.try_into()?)
    }

    /// The options that were given, by their names.
    #[must_use]
    pub fn given(&self) -> Table {
        // Every option is a number, a text or a list of texts, which TOML can hold.
        Table::try_from(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Kind, Promise, Rate};

    const FILE: &str = "scenario = \"fan\"\n# people\nsessions = 500\nrate = 50\n\
                        delivery = \"acked\"\nwarmup = \"2s\"\n";

    #[test]
    fn a_file_holds_the_options_of_a_command_line() {
        let options = Options::read(FILE).unwrap();
        assert_eq!((options.scenario, options.sessions), (Some(Kind::Fan), Some(500)));
        assert_eq!(options.rate, Some(Rate::PerSecond(50.0)));
        assert_eq!(options.delivery, Some(Promise::Acked));
        let given = options.given();
        let names: Vec<&str> = given.keys().map(String::as_str).collect();
        assert_eq!(names, ["delivery", "rate", "scenario", "sessions", "warmup"]);
    }

    #[test]
    fn a_command_line_says_the_last_word() {
        let line = Options { rate: Some(Rate::Max), window: Some(8), ..Options::default() };
        let both = Options::read(FILE).unwrap().overridden_by(&line).unwrap();
        assert_eq!((both.rate, both.window), (Some(Rate::Max), Some(8)));
        assert_eq!((both.sessions, both.scenario), (Some(500), Some(Kind::Fan)));
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        let told = |text| Options::read(text).unwrap_err().to_string();
        let unknown = told("scenario = \"fan\"\nsesions = 5\n");
        assert!(unknown.contains("line 2") && unknown.contains("`sesions`"), "{unknown}");
        let wrong = told("rate = 5\n\nwarmup = 5\n");
        assert!(wrong.contains("line 3") && wrong.contains("not a time such as 5s"), "{wrong}");
        let scenario = told("scenario = \"fun\"\n");
        assert!(scenario.contains("line 1") && scenario.contains("`fan`"), "{scenario}");
    }
}
