//! Near-duplicates in SQL: `near_dup_group(text [, threshold]) over ([partition by ...] order by ...)` and
//! `near_dup_similarity(a, b)`, by the MinHash signatures of the models crate.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, plan_datafusion_err, resources_datafusion_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    ColumnarValue, LimitEffect, PartitionEvaluator, ScalarFunctionArgs, ScalarUDFImpl, Signature, TypeSignature,
    Volatility, WindowUDFImpl,
};
use datafusion::physical_expr::PhysicalExpr;
use deskmill_models::text::near_dup::{MinHash, NearDuplicates};

const GROUP: &str = "near_dup_group";
/// From this share of common wording on two texts are near-duplicates, where nothing is said.
const THRESHOLD: f64 = 0.8;
/// Texts between two looks at the budget.
const LOOK_EVERY: usize = 1024;

/// `near_dup_group`: for each row the place, from 1, of the first row of its group in the order of its partition.
#[derive(Debug)]
pub(super) struct NearDupGroup {
    budget: Arc<Budget>,
    signature: Signature,
}

/// What the signatures of all partitions at work may take, a half of the engine's memory: they are not in its pool.
#[derive(Debug)]
struct Budget {
    limit_mib: u64,
    max_bytes: usize,
    used_bytes: AtomicUsize,
}

impl NearDupGroup {
    /// Keeps to a half of `memory_max_mib`.
    pub(super) fn new(memory_max_mib: u64) -> Self {
        let either = vec![
            TypeSignature::Exact(vec![DataType::Utf8]),
            TypeSignature::Exact(vec![DataType::Utf8, DataType::Float64]),
        ];
        Self {
            budget: Arc::new(Budget {
                limit_mib: memory_max_mib,
                max_bytes: usize::try_from(memory_max_mib << 19).unwrap_or(usize::MAX),
                used_bytes: AtomicUsize::new(0),
            }),
            signature: Signature::one_of(either, Volatility::Immutable),
        }
    }
}

/// A session has one function of this name.
impl PartialEq for NearDupGroup {
    fn eq(&self, other: &Self) -> bool {
        self.budget.limit_mib == other.budget.limit_mib
    }
}

impl Eq for NearDupGroup {}

impl Hash for NearDupGroup {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.budget.limit_mib.hash(state);
    }
}

impl WindowUDFImpl for NearDupGroup {
    fn name(&self) -> &str {
        GROUP
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Grouping {
            threshold: threshold(args.input_exprs().get(1))?,
            budget: self.budget.clone(),
        }))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::UInt64, false)))
    }

    fn limit_effect(&self, _: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        // A group's first row may be any row before, and groups are linked by rows behind.
        LimitEffect::Unknown
    }
}

/// The number that the second argument stands for; it may not depend on the row.
fn threshold(written: Option<&Arc<dyn PhysicalExpr>>) -> Result<f64> {
    let Some(written) = written else { return Ok(THRESHOLD) };
    let nothing = RecordBatch::new_empty(Arc::new(Schema::empty()));
    match written.evaluate(&nothing) {
        Ok(ColumnarValue::Scalar(ScalarValue::Float64(Some(number)))) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err(plan_datafusion_err!(
            "{GROUP}: the threshold must be a number from 0 to 1, such as {THRESHOLD}, and the same for all rows"
        )),
    }
}

#[derive(Debug)]
struct Grouping {
    threshold: f64,
    budget: Arc<Budget>,
}

impl PartitionEvaluator for Grouping {
    fn evaluate_all(&mut self, values: &[ArrayRef], num_rows: usize) -> Result<ArrayRef> {
        let texts = cast(&values[0], &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let mut held = Held {
            budget: &self.budget,
            bytes: 0,
        };
        // For the places of all rows.
        held.grow_to(num_rows * size_of::<u64>())?;
        let mut near = NearDuplicates::new(self.threshold);
        for row in 0..num_rows {
            // No text, or an empty one, is like no other.
            let signature = (texts.len() > row && texts.is_valid(row)).then(|| MinHash::of_text(texts.value(row)));
            if let Some(signature) = signature.flatten() {
                near.add(row as u64, signature);
            }
            if row % LOOK_EVERY == 0 {
                held.grow_to(num_rows * size_of::<u64>() + near.size_bytes())?;
            }
        }
        held.grow_to(num_rows * size_of::<u64>() + near.size_bytes())?;
        let mut places: Vec<u64> = (1..=num_rows as u64).collect();
        for group in near.groups() {
            let first = group.first().map_or(0, |first| first + 1);
            group.iter().for_each(|&row| places[row as usize] = first);
        }
        Ok(Arc::new(UInt64Array::from(places)))
    }
}

/// What one partition has taken of the budget; given back when it is dropped.
struct Held<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Held<'_> {
    fn grow_to(&mut self, bytes: usize) -> Result<()> {
        let more = bytes.saturating_sub(self.bytes);
        let used = self.budget.used_bytes.fetch_add(more, Ordering::Relaxed) + more;
        self.bytes += more;
        if used > self.budget.max_bytes {
            let limit = self.budget.limit_mib;
            return Err(resources_datafusion_err!(
                "{GROUP}: the signatures of the texts need more than half of `limits.memory_max_mib` ({limit}); compare \
                 within smaller parts (`over (partition by ... order by ...)`), or raise the limit"
            ));
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.budget.used_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// `near_dup_similarity(a, b)`: the estimated share of common wording, 0 to 1.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct NearDupSimilarity {
    signature: Signature,
}

impl NearDupSimilarity {
    pub(super) fn new() -> Self {
        Self {
            signature: Signature::string(2, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for NearDupSimilarity {
    fn name(&self) -> &str {
        "near_dup_similarity"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [a, b] = [cast(&arrays[0], &DataType::Utf8)?, cast(&arrays[1], &DataType::Utf8)?];
        let (a, b) = (a.as_string::<i32>(), b.as_string::<i32>());
        let both = |(a, b): (Option<&str>, Option<&str>)| {
            // What has no wording shares none.
            let signatures = (MinHash::of_text(a?), MinHash::of_text(b?));
            Some(signatures.0.zip(signatures.1).map_or(0.0, |(a, b)| a.similarity(&b)))
        };
        let out: Float64Array = a.iter().zip(b.iter()).map(both).collect();
        Ok(ColumnarValue::Array(Arc::new(out)))
    }
}
