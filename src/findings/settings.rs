//! What of the checks can be set: the parameters each declares, what is switched off, and what is to be left alone.

use std::{collections::BTreeMap, fmt};

use jiff::SignedDuration;

use super::ignore::LeaveAlone;

/// What a parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A length of time, kept in seconds.
    Time,
    /// A number of things.
    Number,
}

/// One number of a check that can be set: `[checks.<check>] <name> = ...`. Its default is written in the check's file and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The check it belongs to.
    pub check: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// What it sets, in one sentence.
    pub what: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// Its value as long as nobody sets it, in seconds or things.
    pub default: i64,
    /// The least it may be.
    pub least: i64,
    /// The most it may be.
    pub most: i64,
}

impl Parameter {
    /// A length of time in seconds, with the least and the most it may be.
    pub(crate) const fn time(
        (check, name): (&'static str, &'static str),
        what: &'static str,
        default: i64,
        (least, most): (i64, i64),
    ) -> Self {
        Self { check, name, what, unit: Unit::Time, default, least, most }
    }

    /// A number of things, with the least and the most it may be.
    pub(crate) const fn number(
        (check, name): (&'static str, &'static str),
        what: &'static str,
        default: i64,
        (least, most): (i64, i64),
    ) -> Self {
        Self { check, name, what, unit: Unit::Number, default, least, most }
    }

    /// A value of it as people write it: `15m`, `3`.
    pub fn show(&self, value: i64) -> String {
        match self.unit {
            Unit::Time => format!("{:#}", SignedDuration::from_secs(value)).replace(' ', ""),
            Unit::Number => value.to_string(),
        }
    }

    /// A length of time as it is said in a sentence: `10 min`.
    pub(crate) fn say(&self, settings: &Settings) -> String {
        match settings.of(self) {
            seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
            seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
            seconds => format!("{seconds} s"),
        }
    }

    /// Reads what a person wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self, written: &str) -> Result<i64, String> {
        let written = written.trim();
        let value = match self.unit {
            Unit::Number => written.parse::<i64>().map_err(|_| format!("{written:?} is not a whole number"))?,
            Unit::Time if written.parse::<i64>().is_ok_and(|seconds| seconds != 0) => {
                return Err(format!("{written:?} has no unit; write {:?}", format!("{written}s")));
            }
            Unit::Time if written == "0" => 0,
            Unit::Time => written
                .parse::<SignedDuration>()
                .map_err(|_| format!("{written:?} is not a length of time like \"90s\", \"15m\" or \"24h\""))?
                .as_secs(),
        };
        if (self.least..=self.most).contains(&value) {
            Ok(value)
        } else {
            Err(format!("{written:?} is not within {} to {}", self.show(self.least), self.show(self.most)))
        }
    }
}

impl fmt::Display for Parameter {
    /// `grace = "1m"`, as it is written in the configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Time => write!(f, "{} = \"{}\"", self.name, self.show(self.default)),
            Unit::Number => write!(f, "{} = {}", self.name, self.default),
        }
    }
}

/// How the checks are set. What is not set is as each check declares it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    values: BTreeMap<(&'static str, &'static str), i64>,
    off: Vec<&'static str>,
    /// What is to be left alone, by namespace and owner.
    pub leave_alone: LeaveAlone,
}

impl Settings {
    /// Everything as declared.
    pub const DEFAULT: Self = Self { values: BTreeMap::new(), off: Vec::new(), leave_alone: LeaveAlone::NOTHING };

    /// Sets a parameter.
    pub fn set(&mut self, parameter: &Parameter, value: i64) {
        self.values.insert((parameter.check, parameter.name), value);
    }

    /// Switches a check off.
    pub fn switch_off(&mut self, check: &'static str) {
        self.off.push(check);
    }

    /// Whether a check is asked at all.
    pub fn is_on(&self, check: &str) -> bool {
        !self.off.contains(&check)
    }

    /// The value in force.
    pub fn of(&self, parameter: &Parameter) -> i64 {
        self.values.get(&(parameter.check, parameter.name)).copied().unwrap_or(parameter.default)
    }

    /// The value in force of a length of time.
    pub(crate) fn time(&self, parameter: &Parameter) -> SignedDuration {
        SignedDuration::from_secs(self.of(parameter))
    }

    /// The value in force of a number of things.
    pub(crate) fn number(&self, parameter: &Parameter) -> usize {
        usize::try_from(self.of(parameter)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::findings::checks;

    const GRACE: Parameter = Parameter::time(("crash-loop", "grace"), "How long.", 90, (0, 3600));
    const TIMES: Parameter = Parameter::number(("crash-loop", "restarts"), "How often.", 3, (1, 100));

    #[rstest]
    #[case::seconds(GRACE, "60s", Ok(60))]
    #[case::minutes(GRACE, " 15m ", Ok(900))]
    #[case::in_words(GRACE, "2 minutes", Ok(120))]
    #[case::at_once(GRACE, "0", Ok(0))]
    #[case::no_unit(GRACE, "60", Err("\"60\" has no unit; write \"60s\""))]
    #[case::no_time(GRACE, "soon", Err("\"soon\" is not a length of time like \"90s\", \"15m\" or \"24h\""))]
    #[case::too_long(GRACE, "2h", Err("\"2h\" is not within 0s to 1h"))]
    #[case::backwards(GRACE, "-5s", Err("\"-5s\" is not within 0s to 1h"))]
    #[case::number(TIMES, "5", Ok(5))]
    #[case::too_few(TIMES, "0", Err("\"0\" is not within 1 to 100"))]
    #[case::no_number(TIMES, "5m", Err("\"5m\" is not a whole number"))]
    fn a_parameter_is_read_with_its_unit_and_its_range(
        #[case] parameter: Parameter,
        #[case] written: &str,
        #[case] expected: Result<i64, &str>,
    ) {
        assert_eq!(parameter.read(written), expected.map_err(str::to_owned));
    }

    #[test]
    fn what_is_not_set_is_as_declared() {
        let mut settings = Settings::DEFAULT;
        assert_eq!((settings.time(&GRACE), settings.number(&TIMES)), (SignedDuration::from_secs(90), 3));
        settings.set(&GRACE, 5);
        settings.switch_off("evicted");
        assert_eq!((settings.time(&GRACE), settings.number(&TIMES)), (SignedDuration::from_secs(5), 3));
        assert!(settings.is_on("crash-loop") && !settings.is_on("evicted"));
    }

    #[test]
    fn every_check_declares_its_own_parameters_once_and_within_their_range() {
        for check in checks::ALL {
            let parameters = check.parameters();
            for parameter in parameters {
                assert_eq!(parameter.check, check.name(), "{parameter}");
                assert!(
                    (parameter.least..=parameter.most).contains(&parameter.default),
                    "{}: {parameter}",
                    check.name()
                );
                assert!(parameter.what.ends_with('.') && !parameter.what.contains(['|', '\n']), "{parameter}");
                assert_ne!(parameter.name, "enabled");
                assert_eq!(parameters.iter().filter(|other| other.name == parameter.name).count(), 1, "{parameter}");
            }
        }
    }
}
