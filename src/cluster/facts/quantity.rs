//! Amounts as Kubernetes writes them: `256Mi`, `500m`, `1e3`; text comes in, a number comes out.

use super::{Slim, Text};

/// A `resource.Quantity` as it is written: `256Mi`, `500m`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quantity {
    /// The text of the quantity.
    pub string: Text,
}

impl Quantity {
    /// The amount in whole units (bytes of memory), rounded up; None if it is none, negative or beyond 64 bits.
    pub fn amount(&self) -> Option<u64> {
        amount(&self.string)
    }
}

/// The amount that a text writes, in whole units, rounded up.
pub(crate) fn amount(text: &str) -> Option<u64> {
    let whole = number(text)?.ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range just before")]
    (whole.is_finite() && (0.0..18e18).contains(&whole)).then_some(whole as u64)
}

/// The amount that a text writes, as it is.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (digits, suffix) = text.split_at_checked(split)?;
    let number: f64 = digits.parse().ok()?;
    let times = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "Pi" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "Ei" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        exponent => {
            let power: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            10_f64.powi(power)
        }
    };
    Some(number * times)
}

/// How a quantity is decoded; JSON may write it as a number.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct WireQuantity {
    /// The text of the quantity.
    #[prost(string, tag = "1")]
    pub string: String,
}

impl<'de> serde::Deserialize<'de> for WireQuantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Whole(i64),
            Broken(f64),
        }
        let string = match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::Whole(n) => n.to_string(),
            Written::Broken(x) => x.to_string(),
        };
        Ok(Self { string })
    }
}

impl Slim for Quantity {
    type Wire = WireQuantity;

    fn slim(wire: WireQuantity) -> Self {
        Self { string: wire.string.into() }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::amount;

    #[rstest]
    #[case("24Mi", Some(24 << 20))]
    #[case("1.5Gi", Some(3 << 29))]
    #[case("128974848", Some(128_974_848))]
    #[case("129e6", Some(129_000_000))]
    #[case("129M", Some(129_000_000))]
    #[case("500m", Some(1))]
    #[case("0", Some(0))]
    #[case("1E", Some(1_000_000_000_000_000_000))]
    #[case("1E3", Some(1000))]
    #[case::too_much("999Ei", None)]
    #[case("-5", None)]
    #[case("", None)]
    #[case("Mi", None)]
    #[case("5 Mi", None)]
    #[case("1e999", None)]
    #[case("much", None)]
    fn amounts_are_read_in_whole_units(#[case] text: &str, #[case] expected: Option<u64>) {
        assert_eq!(amount(text), expected);
    }
}
