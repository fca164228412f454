//! Sparse rows in compressed form.

/// Rows of (feature, value) pairs, features ascending within a row.
#[derive(Debug, Clone, Default)]
pub struct SparseRows {
    starts: Vec<usize>,
    features: Vec<u32>,
    values: Vec<f32>,
}

impl SparseRows {
    /// Rows of these lengths, one after the other in `features` and `values`.
    pub fn from_parts(lengths: impl Iterator<Item = usize>, features: Vec<u32>, values: Vec<f32>) -> Self {
        let mut end = 0;
        let starts = lengths.map(|length| {
            end += length;
            end - length
        });
        Self {
            starts: starts.collect(),
            features,
            values,
        }
    }

    /// Rows that have a value for each of so many features.
    pub fn dense(values: Vec<f32>, features: usize) -> Self {
        let rows = values.len() / features.max(1);
        let names = (0..rows).flat_map(|_| 0..features as u32).collect();
        Self::from_parts((0..rows).map(|_| features), names, values)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Features and values of a row.
    pub fn row(&self, at: usize) -> (&[u32], &[f32]) {
        let end = self.starts.get(at + 1).copied().unwrap_or(self.features.len());
        let range = self.starts[at]..end;
        (&self.features[range.clone()], &self.values[range])
    }

    /// Appends a row.
    pub fn push(&mut self, row: &[(u32, f32)]) {
        self.starts.push(self.features.len());
        self.features.extend(row.iter().map(|pair| pair.0));
        self.values.extend(row.iter().map(|pair| pair.1));
    }

    /// Appends a row given as two slices of one length.
    pub fn push_parts(&mut self, features: &[u32], values: &[f32]) {
        self.starts.push(self.features.len());
        self.features.extend_from_slice(features);
        self.values.extend_from_slice(values);
    }

    /// Appends all rows of `other`.
    pub fn append(&mut self, other: &SparseRows) {
        let base = self.features.len();
        self.starts.extend(other.starts.iter().map(|start| start + base));
        self.features.extend_from_slice(&other.features);
        self.values.extend_from_slice(&other.values);
    }

    /// Memory held, in bytes.
    pub fn size_bytes(&self) -> usize {
        self.starts.len() * size_of::<usize>() + self.features.len() * (size_of::<u32>() + size_of::<f32>())
    }
}
