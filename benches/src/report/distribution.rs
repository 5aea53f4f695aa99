//! Durations in full: every quantile can be computed when the run is over.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::serialization::{
    DeserializeError, Deserializer, Serializer, V2DeflateSerializeError, V2DeflateSerializer,
};
use serde::{Deserialize, Serialize};

use crate::latency::{Latency, QUANTILES};

/// Durations of one kind.
///
/// In a file it is the histogram itself, as HdrHistogram's V2 in deflate and base64, in
/// microseconds, with the usual quantiles in milliseconds beside it for those who only look.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Encoded", into = "Encoded")]
pub struct Distribution {
    name: String,
    latency: Latency,
}

impl Distribution {
    /// A distribution with its name.
    #[must_use]
    pub fn new(name: impl Into<String>, latency: Latency) -> Self {
        Self { name: name.into(), latency }
    }

    /// Name of the duration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The durations.
    #[must_use]
    pub const fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Adds the durations of another run.
    pub fn merge(&mut self, other: &Self) {
        self.latency.merge(&other.latency);
    }

    /// Points of the curve "this share took at most so long", from the least to the most:
    /// `(share, milliseconds)`, closer together towards the end. Of a thousand durations the
    /// longest tells of the last thousandth, and of nothing beyond.
    pub fn curve(&self) -> impl Iterator<Item = (f64, f64)> {
        let histogram = self.latency.histogram();
        #[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^53")]
        let last = 1.0 - 1.0 / histogram.len().max(1) as f64;
        histogram.iter_quantiles(8).map(move |step| {
            #[expect(clippy::cast_precision_loss, reason = "microseconds of a run are exact")]
            let micros = step.value_iterated_to() as f64;
            (step.quantile().min(last), micros / 1e3)
        })
    }
}

/// As it stands in a file.
#[derive(Serialize, Deserialize)]
struct Encoded {
    name: String,
    count: u64,
    /// For human readers only: the histogram counts.
    #[serde(default)]
    milliseconds: Milliseconds,
    histogram: String,
}

#[derive(Default, Serialize, Deserialize)]
struct Milliseconds(serde_json::Map<String, serde_json::Value>);

/// Errors of a histogram in a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HistogramError {
    /// The text is no base64.
    #[error("histogram: {0}")]
    Text(#[from] base64::DecodeError),
    /// The bytes are no histogram.
    #[error("histogram: {0}")]
    Bytes(DeserializeError),
}

impl TryFrom<Encoded> for Distribution {
    type Error = HistogramError;

    fn try_from(encoded: Encoded) -> Result<Self, HistogramError> {
        let bytes = BASE64_STANDARD.decode(encoded.histogram)?;
        let histogram =
            Deserializer::new().deserialize(&mut &bytes[..]).map_err(HistogramError::Bytes)?;
        Ok(Self { name: encoded.name, latency: Latency::from(histogram) })
    }
}

impl From<Distribution> for Encoded {
    fn from(distribution: Distribution) -> Self {
        let Distribution { name, latency } = distribution;
        let values = QUANTILES.iter().map(|(name, share)| ((*name).to_owned(), latency.ms(*share)));
        let milliseconds = Milliseconds(values.map(|(name, ms)| (name, ms.into())).collect());
        let histogram = BASE64_STANDARD.encode(bytes_of(&latency).unwrap_or_default());
        Self { name, count: latency.len(), milliseconds, histogram }
    }
}

/// Into memory it does not fail: histograms of an hour in three digits fit the format.
fn bytes_of(latency: &Latency) -> Result<Vec<u8>, V2DeflateSerializeError> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(latency.histogram(), &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sample() -> Distribution {
        let mut latency = Latency::new();
        (1..=1_000).for_each(|ms| latency.record(Duration::from_millis(ms)));
        Distribution::new("delivery", latency)
    }

    #[test]
    fn all_quantiles_come_back_from_a_file() {
        let json = serde_json::to_value(sample()).unwrap();
        assert_eq!(json["name"], "delivery");
        assert_eq!(json["count"], 1_000);
        assert_eq!(json["milliseconds"]["p50"], sample().latency().ms(0.5));
        let back: Distribution = serde_json::from_value(json).unwrap();
        assert_eq!(back.latency().len(), 1_000);
        for share in [0.0, 0.123, 0.5, 0.99, 0.9999, 1.0] {
            assert_eq!(back.latency().ms(share), sample().latency().ms(share), "{share}");
        }
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        let mut json = serde_json::to_value(sample()).unwrap();
        json["histogram"] = "AAAA".into();
        let error = serde_json::from_value::<Distribution>(json.clone()).unwrap_err();
        assert!(error.to_string().starts_with("histogram: "), "{error}");
        json["histogram"] = "no base64 !".into();
        serde_json::from_value::<Distribution>(json).unwrap_err();
    }

    #[test]
    fn the_curve_rises_and_ends_with_the_most() {
        let curve: Vec<(f64, f64)> = sample().curve().collect();
        assert!(curve.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
        assert_eq!(curve.last(), Some(&(0.999, sample().latency().ms(1.0))));
    }
}
