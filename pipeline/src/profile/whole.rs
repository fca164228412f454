//! What is measured on all rows and not on a sample, by Polars' streaming engine: least, greatest and mean, how many
//! different values, and the counts of columns with few of them. Its memory does not grow with the rows.

use std::sync::Arc;

use polars::prelude::{
    AnyValue, DataFrame, DataType, Engine, Expr, HiveOptions, LazyFrame, NULL, PlRefPath, PolarsResult,
    ScanArgsParquet, Schema, TimeUnit, col, len, lit, when,
};

use super::column::{Personal, shown};
use super::figures::{ColumnKind, ColumnProfile, Estimate};
use super::files::Files;
use super::values::{CATEGORIES_MAX, Counted};
use crate::error::{Error, Result};
use deskmill_models::text::pii::PiiRules;

/// Whether Polars, as it is built here, reads all columns of these files.
pub(super) fn reads(files: &Files) -> bool {
    use arrow::datatypes::DataType as Arrow;
    let known = |data_type: &Arrow| {
        matches!(
            data_type,
            Arrow::Utf8
                | Arrow::LargeUtf8
                | Arrow::Utf8View
                | Arrow::Boolean
                | Arrow::Int32
                | Arrow::Int64
                | Arrow::UInt32
                | Arrow::UInt64
                | Arrow::Float32
                | Arrow::Float64
                | Arrow::Date32
                | Arrow::Timestamp(_, None)
        )
    };
    let reads = |data_type: &Arrow| match data_type {
        Arrow::List(item) | Arrow::LargeList(item) => known(item.data_type()),
        other => known(other),
    };
    let plain = |data_type: &Arrow| matches!(data_type, Arrow::Utf8 | Arrow::Int64);
    let all = |fits: &dyn Fn(&Arrow) -> bool| files.all_fields().all(|field| fits(field.data_type()));
    all(&reads) && (files.are_alike() || all(&plain))
}

/// Puts the figures of all rows in the place of those of the sample. `is_sample_whole` says that the sample has all rows;
/// what was counted one by one stays then.
///
/// # Errors
/// When Polars cannot read the files.
pub(super) fn measure(
    files: &Files,
    columns: &mut [ColumnProfile],
    is_sample_whole: bool,
    rules: &PiiRules,
) -> Result<()> {
    if files.rows == 0 {
        return Ok(());
    }
    let failed = |error: polars::prelude::PolarsError| Error::File {
        path: files.paths().next().unwrap_or_else(|| "".as_ref()).to_owned(),
        source: std::io::Error::other(error.to_string()),
    };
    let figures = collect(scan(files).map_err(failed)?.select(aggregates(columns))).map_err(failed)?;
    for (at, column) in columns.iter_mut().enumerate() {
        let personal = Personal::new(&column.name, rules);
        let number = |what: &str| number_at(&figures, &name(at, what));
        if !is_sample_whole && let Some(count) = number("distinct") {
            column.distinct = Some(Estimate {
                // Null is a value to Polars.
                count: (count as u64)
                    .saturating_sub(u64::from(column.nulls > 0))
                    .clamp(column.count.min(1), column.count),
                exact: false,
            });
        }
        let spread = column.times.as_mut().or(column.numbers.as_mut());
        if let (Some(spread), Some(min), Some(max), Some(mean)) = (spread, number("min"), number("max"), number("mean"))
        {
            (spread.min, spread.max, spread.mean) = (min, max, steady(mean));
        }
        if column
            .numbers
            .as_ref()
            .is_some_and(|spread| personal.reads_one(&shown(spread)))
        {
            (column.numbers, column.histogram) = (None, None);
        }
        let is_few = column.distinct.is_some_and(|distinct| distinct.count <= CATEGORIES_MAX);
        if !is_sample_whole && is_few && matches!(column.kind, ColumnKind::Text | ColumnKind::Boolean) {
            let counts = counts(files, &column.name).map_err(failed)?;
            let counted = Counted::of_all(counts, column.count);
            column.top = Some(counted.masked(&|value| personal.masked(value)));
        }
    }
    Ok(())
}

fn scan(files: &Files) -> PolarsResult<LazyFrame> {
    let paths: Vec<PlRefPath> = files
        .paths()
        .map(PlRefPath::try_from_path)
        .collect::<PolarsResult<_>>()?;
    // Files of a source may differ in their columns, which are texts, and whole numbers if they are deskmill's own.
    let schema = (!files.are_alike()).then(|| {
        let fields = files.all_fields().map(|field| {
            let is_number = *field.data_type() == arrow::datatypes::DataType::Int64;
            let data_type = if is_number { DataType::Int64 } else { DataType::String };
            (field.name().as_str().into(), data_type)
        });
        Arc::new(fields.collect::<Schema>())
    });
    let args = ScanArgsParquet {
        allow_missing_columns: schema.is_some(),
        schema,
        glob: false,
        hive_options: HiveOptions::new_disabled(),
        cache: false,
        low_memory: true,
        ..ScanArgsParquet::default()
    };
    LazyFrame::scan_parquet_files(paths.into_iter().collect(), args)
}

fn collect(frame: LazyFrame) -> PolarsResult<DataFrame> {
    Ok(frame.collect_with_engine(Engine::Streaming)?.unwrap_single())
}

/// The name of a figure of a column. Those of columns are anything.
fn name(column: usize, figure: &str) -> String {
    format!("{column} {figure}")
}

fn aggregates(columns: &[ColumnProfile]) -> Vec<Expr> {
    let mut all = vec![len().alias("rows")];
    for (at, column) in columns.iter().enumerate() {
        let values = col(column.name.as_str());
        match column.kind {
            ColumnKind::Other => continue,
            ColumnKind::Number | ColumnKind::Time => {
                let numbers = if column.kind == ColumnKind::Time {
                    seconds(values.clone())
                } else {
                    values.clone().cast(DataType::Float64)
                };
                // As in the sample: what is no finite number is left out.
                let numbers = when(numbers.clone().is_finite()).then(numbers).otherwise(lit(NULL));
                all.push(numbers.clone().min().alias(name(at, "min")));
                all.push(numbers.clone().max().alias(name(at, "max")));
                all.push(numbers.mean().alias(name(at, "mean")));
            }
            ColumnKind::Boolean | ColumnKind::Text => {}
        }
        all.push(values.approx_n_unique().alias(name(at, "distinct")));
    }
    all
}

/// A date or a timestamp as seconds since 1970.
fn seconds(values: Expr) -> Expr {
    let micros = values
        .cast(DataType::Datetime(TimeUnit::Microseconds, None))
        .cast(DataType::Int64);
    micros.cast(DataType::Float64) / lit(1e6)
}

fn number_at(figures: &DataFrame, name: &str) -> Option<f64> {
    let value = figures.column(name).ok()?.get(0).ok()?;
    match value {
        AnyValue::Null => None,
        other => other.extract::<f64>().filter(|number| number.is_finite()),
    }
}

/// A mean without the last digits, which depend on the order in which threads add.
fn steady(mean: f64) -> f64 {
    format!("{mean:.10e}").parse().unwrap_or(mean)
}

/// How often each value of a column stands in it, nulls left out. Only for columns with few.
fn counts(files: &Files, column: &str) -> PolarsResult<Vec<(String, u64)>> {
    let value = col(column).cast(DataType::String).alias("value");
    let found = scan(files)?
        .select([value])
        .filter(col("value").is_not_null())
        .group_by([col("value")])
        .agg([len().cast(DataType::Int64).alias("count")]);
    let found = collect(found)?;
    let (values, counts) = (
        found.column("value")?.str()?.clone(),
        found.column("count")?.i64()?.clone(),
    );
    let pairs = values.iter().zip(counts.iter());
    Ok(pairs
        .filter_map(|(value, count)| Some((value?.to_owned(), count?.unsigned_abs())))
        .collect())
}
