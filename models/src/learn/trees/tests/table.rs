//! A random table with a signal in it, and ways to fit and ask it.

use super::super::*;

/// Random numbers from a seed, so that a failing case is one number.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    pub(super) fn unit(&mut self) -> f64 {
        self.below(1 << 30) as f64 / (1u64 << 30) as f64
    }
}

/// A random table with a signal in it: three columns of numbers with nulls, two of categories.
pub(super) struct Table {
    pub(super) numbers: Vec<Vec<f64>>,
    codes: Vec<Vec<u32>>,
    pub(super) signal: Vec<f64>,
}

impl Table {
    pub(super) fn new(seed: u64, rows: usize) -> Self {
        let mut random = Random::new(seed);
        let categories = [3, 40];
        let mut table = Self {
            numbers: vec![Vec::new(); 3],
            codes: vec![Vec::new(); 2],
            signal: Vec::new(),
        };
        for _ in 0..rows {
            let numbers = [random.unit() * 4.0 - 2.0, random.below(10) as f64, random.unit().ln()];
            let codes = categories.map(|count| random.below(count) as u32);
            let noise = random.unit() - 0.5;
            let effect = if codes[1].is_multiple_of(3) { 1.0 } else { -0.5 };
            table
                .signal
                .push(numbers[0] + (numbers[1] - 4.5) * 0.2 * f64::from(codes[0]) + effect + noise);
            for (column, value) in table.numbers.iter_mut().zip(numbers) {
                column.push(if random.below(10) == 0 { f64::NAN } else { value });
            }
            for (column, code) in table.codes.iter_mut().zip(codes) {
                column.push(if random.below(15) == 0 { MISSING_CODE } else { code });
            }
        }
        table
    }

    pub(super) fn columns(&self) -> Vec<Column<'_>> {
        let numbers = self.numbers.iter().map(|column| Column::Numeric(column));
        numbers
            .chain(self.codes.iter().map(|column| Column::Category(column)))
            .collect()
    }

    /// Targets of an objective that follow the signal.
    pub(super) fn targets(&self, objective: Objective) -> Vec<f64> {
        let level = |signal: f64, count: u32| {
            ((signal + 3.0) / 6.0 * f64::from(count))
                .floor()
                .clamp(0.0, f64::from(count - 1))
        };
        let target = |signal: &f64| match objective {
            Objective::Binary => f64::from(u8::from(*signal > 0.3)),
            Objective::Multiclass { classes } => (level(*signal, classes) * 2.0) % f64::from(classes),
            Objective::Ordinal { levels } => level(*signal, levels),
            Objective::Quantile { .. } | Objective::SquaredError => *signal,
        };
        self.signal.iter().map(target).collect()
    }

    pub(super) fn fit(&self, settings: &TreeSettings) -> Fitted {
        self.fit_until(settings, None)
    }

    pub(super) fn fit_until(&self, settings: &TreeSettings, validation: Option<&Table>) -> Fitted {
        let (columns, targets) = (self.columns(), self.targets(settings.objective));
        let examples = |columns, targets| Examples {
            columns,
            targets,
            weights: None,
        };
        let other = validation.map(|other| (other.columns(), other.targets(settings.objective)));
        let other = other.as_ref().map(|(columns, targets)| examples(columns, targets));
        fit(&examples(&columns, &targets), other.as_ref(), settings).unwrap()
    }
}

pub(super) fn row(columns: &[Column<'_>], at: usize) -> Vec<f64> {
    columns.iter().map(|column| column.value(at)).collect()
}

pub(super) fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}
