//! The results, line by line and as JSON, and those that are past their budget.

use std::path::Path;

use serde::Serialize;

use crate::Result;
use crate::error::{Context, Error};

/// A measured value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// The name of the figure.
    pub name: String,
    /// The value; not a number where it could not be measured, infinite where what was measured did not end (both in JSON:
    /// null).
    pub value: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Its maximum.
    pub budget: Option<f64>,
    /// Why it could not be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// All that was measured.
#[derive(Debug, Default)]
pub struct Report(Vec<Measurement>);

impl Report {
    /// Takes a value down and prints its line, `name value unit`.
    pub fn add(&mut self, name: &str, value: f64, unit: &'static str, budget: Option<f64>) {
        println!("{name} {} {unit}", rounded(value));
        self.0.push(Measurement { name: name.to_owned(), value, unit, budget, error: None });
    }

    /// Takes down that a value could not be measured, and why, so that the others still can; the bench fails by it.
    pub fn add_failure(&mut self, name: &str, unit: &'static str, error: &Error) {
        println!("{name} not measured");
        let error = Some(error.to_string());
        self.0.push(Measurement { name: name.to_owned(), value: f64::NAN, unit, budget: None, error });
    }

    /// Measurements that failed, with the reason.
    pub fn failures(&self) -> impl Iterator<Item = (&Measurement, &str)> {
        self.0.iter().filter_map(|measurement| Some((measurement, measurement.error.as_deref()?)))
    }

    /// Figures past their budget.
    pub fn exceeded(&self) -> impl Iterator<Item = &Measurement> {
        self.0
            .iter()
            .filter(|measurement| measurement.budget.is_some_and(|budget| measurement.value > budget))
    }

    /// Writes all as one JSON array.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(&self.0).unwrap_or_default() + "\n";
        std::fs::write(path, text).context(|| format!("writing {}", path.display()))
    }
}

/// Significant digits: three after the point of a small value, none of a large one.
fn rounded(value: f64) -> String {
    match value {
        value if value.is_infinite() => "unfinished".to_owned(),
        value if value.fract() == 0.0 => format!("{value:.0}"),
        value if value < 100.0 => format!("{value:.3}"),
        value => format!("{value:.1}"),
    }
}

/// The middle one of an odd number of values.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_more_than_its_budget_is_past_it() {
        let mut report = Report::default();
        report.add("equal", 2.0, "ms", Some(2.0));
        report.add("more", 2.001, "ms", Some(2.0));
        report.add("free", 1e9, "ms", None);
        let names: Vec<&str> = report.exceeded().map(|measurement| measurement.name.as_str()).collect();
        assert_eq!(names, ["more"]);
    }

    #[test]
    fn a_failed_measurement_is_reported_with_its_reason() {
        let mut report = Report::default();
        report.add("there", 1.0, "ms", Some(2.0));
        report.add_failure("gone", "ms", &Error::Other("no such guest".into()));
        let failures: Vec<_> = report.failures().map(|(it, error)| (it.name.as_str(), error)).collect();
        assert_eq!(failures, [("gone", "no such guest")]);
        assert_eq!(report.exceeded().count(), 0);
        let json = serde_json::to_value(&report.0).unwrap();
        assert!(json[0].get("error").is_none() && json[1]["value"].is_null(), "{json}");
    }

    #[test]
    fn values_are_printed_with_the_digits_that_mean_something() {
        assert_eq!(
            [1.0, 1.5, 0.0123, 1234.56, 1_048_576.0, f64::INFINITY].map(rounded),
            ["1", "1.500", "0.012", "1234.6", "1048576", "unfinished"]
        );
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
