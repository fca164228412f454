//! Fitted weights: what a linear model answers with. Stored in full or sparsely, as floats or in 8 bits.

use std::collections::BTreeMap;

use crate::artifact::{Artifact, Tensor};
use crate::error::{Error, Result};

/// Fitted weights of some classes over features.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearWeights {
    /// How many classes there are.
    pub labels: usize,
    /// One value a class.
    pub bias: Vec<f32>,
    shape: Shape,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// One row a feature, one column a class.
    Full,
    /// The classes of a feature's weights, ascending; a feature's run ends where the next one starts.
    Sparse { starts: Vec<u32>, labels: Vec<u16> },
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    Floats(Vec<f32>),
    /// Times the scale of the feature.
    Bytes {
        values: Vec<i8>,
        scales: Vec<f32>,
    },
}

const VALUES: &str = "weights";
const STARTS: &str = "weights.starts";
const LABELS: &str = "weights.labels";
const BYTES: &str = "weights.bytes";
const SCALES: &str = "weights.scales";

impl LinearWeights {
    /// Weights in full: one row a feature, one column a class.
    pub fn full(labels: usize, weights: Vec<f32>, bias: Vec<f32>) -> Self {
        Self {
            labels,
            bias,
            shape: Shape::Full,
            values: Values::Floats(weights),
        }
    }

    /// The margin of every class for one row, into `margins` (cleared first).
    pub fn margins(&self, row: &[(u32, f32)], margins: &mut Vec<f32>) {
        margins.clear();
        margins.extend_from_slice(&self.bias);
        for &(feature, value) in row {
            let (start, end) = self.range(feature);
            let value = value * self.scale(feature);
            match (&self.shape, &self.values) {
                (Shape::Full, Values::Floats(weights)) => {
                    let weights = margins.iter_mut().zip(&weights[start..end]);
                    weights.for_each(|(margin, weight)| *margin += value * weight);
                }
                (Shape::Full, Values::Bytes { values, .. }) => {
                    let weights = margins.iter_mut().zip(&values[start..end]);
                    weights.for_each(|(margin, weight)| *margin += value * f32::from(*weight));
                }
                (Shape::Sparse { labels, .. }, Values::Floats(weights)) => {
                    let weights = labels[start..end].iter().zip(&weights[start..end]);
                    weights.for_each(|(label, weight)| margins[usize::from(*label)] += value * weight);
                }
                (Shape::Sparse { labels, .. }, Values::Bytes { values, .. }) => {
                    let weights = labels[start..end].iter().zip(&values[start..end]);
                    weights.for_each(|(label, weight)| margins[usize::from(*label)] += value * f32::from(*weight));
                }
            }
        }
    }

    /// The weight of a feature for a class.
    pub fn weight(&self, feature: u32, label: usize) -> f32 {
        let (start, end) = self.range(feature);
        let place = match &self.shape {
            Shape::Full => Some(start + label),
            Shape::Sparse { labels, .. } => {
                let found = labels[start..end].binary_search_by(|known| usize::from(*known).cmp(&label));
                found.ok().map(|at| start + at)
            }
        };
        place.map_or(0.0, |place| self.scale(feature) * self.value(place))
    }

    fn value(&self, place: usize) -> f32 {
        match &self.values {
            Values::Floats(values) => values[place],
            Values::Bytes { values, .. } => f32::from(values[place]),
        }
    }

    fn scale(&self, feature: u32) -> f32 {
        match &self.values {
            Values::Floats(_) => 1.0,
            Values::Bytes { scales, .. } => scales[feature as usize],
        }
    }

    fn range(&self, feature: u32) -> (usize, usize) {
        let feature = feature as usize;
        match &self.shape {
            Shape::Full => (feature * self.labels, (feature + 1) * self.labels),
            Shape::Sparse { starts, .. } => (starts[feature] as usize, starts[feature + 1] as usize),
        }
    }

    fn features(&self) -> usize {
        match (&self.shape, &self.values) {
            (Shape::Sparse { starts, .. }, _) => starts.len().saturating_sub(1),
            (Shape::Full, Values::Floats(values)) => values.len() / self.labels.max(1),
            (Shape::Full, Values::Bytes { values, .. }) => values.len() / self.labels.max(1),
        }
    }

    /// All weights, zeros too: one row a feature, one column a class.
    pub fn to_full(&self) -> Vec<f32> {
        let features = 0..self.features() as u32;
        let row = |feature| (0..self.labels).map(move |label| self.weight(feature, label));
        features.flat_map(row).collect()
    }

    /// The bytes these weights take when stored.
    pub fn stored_bytes(&self) -> usize {
        let shape = match &self.shape {
            Shape::Full => 0,
            Shape::Sparse { starts, labels } => starts.len() * size_of::<u32>() + labels.len() * size_of::<u16>(),
        };
        let values = match &self.values {
            Values::Floats(values) => values.len() * size_of::<f32>(),
            Values::Bytes { values, scales } => values.len() + scales.len() * size_of::<f32>(),
        };
        shape + values + self.bias.len() * size_of::<f32>()
    }

    /// The same weights in at most `bytes_max` stored bytes: in full where that fits; otherwise sparsely, the largest
    /// ones only. With `quantise`, in 8 bits. What a text gets for its features changes only by the weights left out.
    pub fn within(self, bytes_max: usize, quantise: bool) -> Self {
        let features = self.features();
        let value_bytes = if quantise { 1 } else { size_of::<f32>() };
        let fixed = self.labels * size_of::<f32>() + if quantise { features * size_of::<f32>() } else { 0 };
        let full = matches!(self.shape, Shape::Full);
        let fits = full && features * self.labels * value_bytes + fixed <= bytes_max;
        let starts = (features + 1) * size_of::<u32>();
        let kept_max = bytes_max.saturating_sub(fixed + starts) / (size_of::<u16>() + value_bytes);
        let smaller = if fits { self } else { self.sparse(kept_max) };
        if quantise { smaller.in_bytes() } else { smaller }
    }

    /// The `kept_max` largest weights and no zeros. Of equal ones at the edge, none. Weights in 8 bits stay as they are.
    pub fn sparse(self, kept_max: usize) -> Self {
        let Values::Floats(weights) = &self.values else {
            return self;
        };
        let mut sizes: Vec<f32> = weights.iter().map(|w| w.abs()).filter(|size| *size > 0.0).collect();
        let edge = if kept_max == 0 {
            f32::INFINITY
        } else if sizes.len() > kept_max {
            *sizes.select_nth_unstable_by(kept_max, |a, b| b.total_cmp(a)).1
        } else {
            0.0
        };
        drop(sizes);
        let mut starts = vec![0];
        let (mut labels, mut values) = (Vec::new(), Vec::new());
        for feature in 0..self.features() as u32 {
            let (start, end) = self.range(feature);
            for place in (start..end).filter(|place| weights[*place].abs() > edge) {
                labels.push(match &self.shape {
                    Shape::Full => (place - start) as u16,
                    Shape::Sparse { labels, .. } => labels[place],
                });
                values.push(weights[place]);
            }
            starts.push(values.len() as u32);
        }
        Self {
            labels: self.labels,
            bias: self.bias,
            shape: Shape::Sparse { starts, labels },
            values: Values::Floats(values),
        }
    }

    /// In 8 bits, with one scale a feature: its largest weight becomes 127.
    fn in_bytes(self) -> Self {
        let Values::Floats(floats) = &self.values else {
            return self;
        };
        let mut values = Vec::with_capacity(floats.len());
        let mut scales = Vec::with_capacity(self.features());
        for feature in 0..self.features() as u32 {
            let (start, end) = self.range(feature);
            let row = &floats[start..end];
            let largest = row.iter().fold(0f32, |largest, weight| largest.max(weight.abs()));
            let scale = largest / f32::from(i8::MAX);
            let inverse = if scale > 0.0 { scale.recip() } else { 0.0 };
            values.extend(row.iter().map(|weight| (weight * inverse).round() as i8));
            scales.push(scale);
        }
        Self {
            values: Values::Bytes { values, scales },
            ..self
        }
    }

    /// Weights of consecutive classes as one. A single part stays as it is; several must be sparse and not in 8 bits.
    pub fn join(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let features = parts.first().map_or(0, Self::features);
        let (mut starts, mut labels, mut values) = (vec![0], Vec::new(), Vec::new());
        for feature in 0..features as u32 {
            let mut first = 0;
            for part in &parts {
                let (start, end) = part.range(feature);
                if let Shape::Sparse { labels: own, .. } = &part.shape {
                    labels.extend(own[start..end].iter().map(|label| label + first as u16));
                }
                values.extend((start..end).map(|place| part.value(place)));
                first += part.labels;
            }
            starts.push(values.len() as u32);
        }
        Self {
            labels: parts.iter().map(|part| part.labels).sum(),
            bias: parts.iter().flat_map(|part| part.bias.iter().copied()).collect(),
            shape: Shape::Sparse { starts, labels },
            values: Values::Floats(values),
        }
    }

    /// The arrays to store.
    pub fn tensors(&self) -> BTreeMap<String, Tensor> {
        let mut tensors = BTreeMap::from([("bias".to_owned(), Tensor::F32(self.bias.clone()))]);
        if let Shape::Sparse { starts, labels } = &self.shape {
            let labels = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
            tensors.insert(STARTS.into(), Tensor::U32(starts.clone()));
            tensors.insert(LABELS.into(), Tensor::U8(labels));
        }
        match &self.values {
            Values::Floats(values) => {
                tensors.insert(VALUES.into(), Tensor::F32(values.clone()));
            }
            Values::Bytes { values, scales } => {
                let values = values.iter().map(|value| value.cast_unsigned()).collect();
                tensors.insert(BYTES.into(), Tensor::U8(values));
                tensors.insert(SCALES.into(), Tensor::F32(scales.clone()));
            }
        }
        tensors
    }

    /// Takes weights of `labels` classes over `features` features out of an artifact and checks them.
    ///
    /// # Errors
    /// When arrays are missing, do not fit each other, or hold a value that is not finite.
    pub fn take(artifact: &mut Artifact, labels: usize, features: usize) -> Result<Self> {
        let place = VALUES;
        let bias = artifact.take_f32("bias")?;
        let shape = if artifact.tensors.contains_key(STARTS) {
            let bytes = artifact.take_u8(LABELS)?;
            Shape::Sparse {
                starts: artifact.take_u32(STARTS)?,
                labels: bytes
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|label| u16::from_le_bytes(*label))
                    .collect(),
            }
        } else {
            Shape::Full
        };
        let values = if artifact.tensors.contains_key(BYTES) {
            let bytes = artifact.take_u8(BYTES)?;
            Values::Bytes {
                values: bytes.into_iter().map(u8::cast_signed).collect(),
                scales: artifact.take_f32(SCALES)?,
            }
        } else {
            Values::Floats(artifact.take_f32(VALUES)?)
        };
        let weights = Self {
            labels,
            bias,
            shape,
            values,
        };
        if labels == 0 || weights.bias.len() != labels || !weights.fits(features) {
            let message = "their number does not fit the labels and the vocabulary";
            return Err(Error::artifact(place, message));
        }
        if !weights.is_finite() {
            return Err(Error::artifact(place, "hold a value that is not a finite number"));
        }
        Ok(weights)
    }

    fn fits(&self, features: usize) -> bool {
        let count = match &self.values {
            Values::Floats(values) => values.len(),
            Values::Bytes { values, scales } if scales.len() == features => values.len(),
            Values::Bytes { .. } => return false,
        };
        match &self.shape {
            Shape::Full => features.checked_mul(self.labels) == Some(count),
            Shape::Sparse { starts, labels } => {
                starts.len() == features + 1
                    && starts.first() == Some(&0)
                    && starts.is_sorted()
                    && starts.last().map(|end| *end as usize) == Some(count)
                    && labels.len() == count
                    && labels.iter().all(|label| usize::from(*label) < self.labels)
            }
        }
    }

    fn is_finite(&self) -> bool {
        let finite = |values: &[f32]| values.iter().all(|value| value.is_finite());
        let values = match &self.values {
            Values::Floats(values) => values,
            Values::Bytes { scales, .. } => scales,
        };
        finite(values) && finite(&self.bias)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::Value;

    const LABELS: usize = 3;

    fn weights() -> LinearWeights {
        let weights = vec![0.5, -2.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.25, -0.75, 0.1, 0.0, 3.0];
        LinearWeights::full(LABELS, weights, vec![0.1, -0.1, 0.0])
    }

    fn margins(weights: &LinearWeights) -> Vec<f32> {
        let mut margins = Vec::new();
        weights.margins(&[(0, 1.0), (2, 0.5), (3, 2.0)], &mut margins);
        margins
    }

    fn stored(weights: &LinearWeights) -> Artifact {
        Artifact {
            settings: Value::Null,
            tensors: weights.tensors(),
            encoder: None,
        }
    }

    #[test]
    fn every_form_comes_back_and_answers_alike() {
        let full = weights();
        for (form, apart_max) in [
            (full.clone(), 0.0),
            (full.clone().sparse(100), 0.0),
            (full.clone().within(usize::MAX, true), 0.03),
            (full.clone().sparse(100).in_bytes(), 0.03),
        ] {
            assert_eq!(LinearWeights::take(&mut stored(&form), LABELS, 4).unwrap(), form);
            for (a, b) in margins(&form).iter().zip(margins(&full)) {
                assert!((a - b).abs() <= apart_max, "{a} {b}");
            }
            for feature in 0..4 {
                for label in 0..LABELS {
                    let apart = (form.weight(feature, label) - full.weight(feature, label)).abs();
                    assert!(apart <= apart_max, "{apart}");
                }
            }
        }
    }

    #[test]
    fn what_is_too_large_keeps_its_largest_weights() {
        let bytes_max = 3 * 4 + 5 * 4 + 3 * 6;
        let small = weights().within(bytes_max, false);
        assert!(small.stored_bytes() <= bytes_max);
        let kept = [small.weight(0, 1), small.weight(2, 0), small.weight(3, 2)];
        assert_eq!((kept, small.weight(2, 2)), ([-2.0, 1.0, 3.0], 0.0));
    }

    #[test]
    fn parts_join_in_order() {
        let first = LinearWeights::full(1, vec![1.0, 0.0], vec![0.5]).sparse(9);
        let second = LinearWeights::full(2, vec![0.0, 2.0, 3.0, 0.0], vec![0.25, 0.75]).sparse(9);
        let joined = LinearWeights::join(vec![first, second]);
        let full = LinearWeights::full(3, vec![1.0, 0.0, 2.0, 0.0, 3.0, 0.0], vec![0.5, 0.25, 0.75]);
        assert_eq!(joined, full.sparse(9));
    }

    #[test]
    fn hostile_arrays_are_refused() {
        let sparse = weights().sparse(100);
        for (name, tensor) in [
            (STARTS, Tensor::U32(vec![0, 9, 2, 5, 6])),
            (STARTS, Tensor::U32(vec![0, 2])),
            (super::LABELS, Tensor::U8(vec![9; 14])),
            (VALUES, Tensor::F32(vec![f32::NAN; 7])),
            ("bias", Tensor::F32(vec![0.0])),
        ] {
            let mut artifact = stored(&sparse);
            artifact.tensors.insert(name.into(), tensor);
            assert!(LinearWeights::take(&mut artifact, LABELS, 4).is_err(), "{name}");
        }
    }
}
