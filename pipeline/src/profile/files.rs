//! The Parquet files of one table or source: their columns, what their footers count, and sampled rows of one column.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::FieldRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::PageIndexPolicy;

use crate::error::Result;
use crate::rejects::write_error;
use crate::sources::{FILE_COLUMN, LINE_COLUMN, OFFSET_COLUMN, ROW_COLUMN};

/// Columns that say where a row is from, and nothing about it.
const OWN_COLUMNS: [&str; 4] = [ROW_COLUMN, FILE_COLUMN, LINE_COLUMN, OFFSET_COLUMN];

/// Rows decoded at a time: a row may be a megabyte long.
const BATCH_ROWS: usize = 256;

/// Sampled rows that stand side by side. Pages hold 20,000 rows and are decoded whole, so that single rows would cost as
/// much as the table; rows side by side are alike, so that long stretches would say less.
const BLOCK_ROWS: u64 = 500;

/// The files, one after the other.
pub(super) struct Files {
    parts: Vec<Part>,
    /// The columns of all files by first appearance, deskmill's own left out.
    pub(super) fields: Vec<FieldRef>,
    /// All rows.
    pub(super) rows: u64,
}

struct Part {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    rows: u64,
}

/// Which rows are looked at: stretches in order of the table's rows, chosen by their numbers alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sample {
    blocks: Vec<Range<u64>>,
    /// Of the sampled rows, every so many-th is examined more closely.
    pub(super) text_every: u64,
}

impl Sample {
    /// About `rows` of `all` rows, spread evenly, and of these about `text_rows`.
    pub(super) fn of(all: u64, rows: u64, text_rows: u64) -> Self {
        let rows = rows.max(1);
        let blocks: Vec<Range<u64>> = if all <= rows {
            std::iter::once(0..all).filter(|block| !block.is_empty()).collect()
        } else {
            let block_rows = BLOCK_ROWS.min(rows);
            let count = rows / block_rows;
            let start = |at: u64| (u128::from(at) * u128::from(all) / u128::from(count)) as u64;
            (0..count)
                .map(|at| start(at)..(start(at) + block_rows).min(all))
                .collect()
        };
        let sample = Self { blocks, text_every: 1 };
        Self {
            text_every: sample.rows().div_ceil(text_rows.max(1)).max(1),
            ..sample
        }
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> u64 {
        self.blocks.iter().map(|block| block.end - block.start).sum()
    }

    /// How many of them are examined more closely.
    pub(super) fn text_rows(&self) -> u64 {
        self.rows().div_ceil(self.text_every)
    }

    /// The part that falls on rows `from..from + rows`, numbered from there.
    fn within(&self, from: u64, rows: u64) -> Vec<Range<usize>> {
        let cut = |block: &Range<u64>| {
            let start = block.start.max(from);
            let end = block.end.min(from + rows);
            (start < end).then(|| (start - from) as usize..(end - from) as usize)
        };
        self.blocks.iter().filter_map(cut).collect()
    }
}

impl Files {
    /// Reads the footers.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut files = Self {
            parts: Vec::with_capacity(paths.len()),
            fields: Vec::new(),
            rows: 0,
        };
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        for path in paths {
            let file = open(path)?;
            let metadata = ArrowReaderMetadata::load(&file, options.clone()).map_err(|e| write_error(path, e))?;
            let rows = metadata.metadata().file_metadata().num_rows().unsigned_abs();
            for field in metadata.schema().fields() {
                let known = files.fields.iter().any(|known| known.name() == field.name());
                if !known && !OWN_COLUMNS.contains(&field.name().as_str()) {
                    files.fields.push(field.clone());
                }
            }
            files.rows += rows;
            files.parts.push(Part {
                path: path.clone(),
                metadata,
                rows,
            });
        }
        Ok(files)
    }

    /// The files, for those who read them in another way.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().map(|part| part.path.as_path())
    }

    /// Rows of a column without a value: from the footers, or by reading it where they do not say.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn nulls(&self, field: &FieldRef) -> Result<u64> {
        let mut nulls = 0;
        for part in &self.parts {
            let Some(leaves) = part.leaves(field.name()) else {
                nulls += part.rows;
                continue;
            };
            let groups = part.metadata.metadata().row_groups();
            let counted = |group: &parquet::file::metadata::RowGroupMetaData| {
                group
                    .column(leaves.start)
                    .statistics()
                    .and_then(|about| about.null_count_opt())
            };
            let is_plain = !field.data_type().is_nested() && leaves.len() == 1;
            let from_footer = groups.iter().map(counted).sum::<Option<u64>>().filter(|_| is_plain);
            if let Some(known) = from_footer {
                nulls += known;
            } else {
                for batch in part.reader(field.name(), None)? {
                    let batch = batch.map_err(|e| write_error(&part.path, e))?;
                    nulls += batch.column(0).null_count() as u64;
                }
            }
        }
        Ok(nulls)
    }

    /// Hands the sampled values of a column over, piece by piece in order, with the number of the first in the sample.
    /// In a file without the column all are null.
    ///
    /// # Errors
    /// When a file cannot be read, or as `take` does.
    pub(super) fn read(
        &self,
        field: &FieldRef,
        sample: &Sample,
        take: &mut dyn FnMut(u64, &ArrayRef) -> Result<()>,
    ) -> Result<()> {
        let (mut from, mut taken) = (0, 0);
        for part in &self.parts {
            let ranges = sample.within(from, part.rows);
            from += part.rows;
            let rows: usize = ranges.iter().map(ExactSizeIterator::len).sum();
            if rows == 0 {
                continue;
            }
            if part.leaves(field.name()).is_none() {
                take(taken, &new_null_array(field.data_type(), rows))?;
                taken += rows as u64;
                continue;
            }
            for batch in part.reader(field.name(), Some(ranges))? {
                let batch = batch.map_err(|e| write_error(&part.path, e))?;
                take(taken, batch.column(0))?;
                taken += batch.num_rows() as u64;
            }
        }
        Ok(())
    }

    /// The row groups of all files: the file's place, and the group's in it.
    pub(super) fn groups(&self) -> Vec<(usize, usize)> {
        let groups =
            |(at, part): (usize, &Part)| (0..part.metadata.metadata().num_row_groups()).map(move |group| (at, group));
        self.parts.iter().enumerate().flat_map(groups).collect()
    }

    /// The rows of one of [`Self::groups`], own columns left out.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(super) fn group(&self, (part, group): (usize, usize)) -> Result<ParquetRecordBatchReader> {
        let part = &self.parts[part];
        let schema = part.metadata.parquet_schema();
        let own = |path: &parquet::schema::types::ColumnDescPtr| {
            path.path()
                .parts()
                .first()
                .is_some_and(|name| OWN_COLUMNS.contains(&name.as_str()))
        };
        let leaves = schema.columns().iter().enumerate().filter(|(_, column)| !own(column));
        let mask = ProjectionMask::leaves(schema, leaves.map(|(at, _)| at));
        ParquetRecordBatchReaderBuilder::new_with_metadata(open(&part.path)?, part.metadata.clone())
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS * 4)
            .build()
            .map_err(|e| write_error(&part.path, e))
    }

    /// Whether all files have the same columns, of the same types.
    pub(super) fn are_alike(&self) -> bool {
        let first = self.parts.first().map(|part| part.metadata.schema());
        self.parts.iter().all(|part| Some(part.metadata.schema()) == first)
    }

    /// The columns of all files, own ones too; one for each file that has it.
    pub(super) fn all_fields(&self) -> impl Iterator<Item = &FieldRef> {
        self.parts
            .iter()
            .flat_map(|part| part.metadata.schema().fields().iter())
    }
}

impl Part {
    /// Where the leaves of a column are among those of the file.
    fn leaves(&self, name: &str) -> Option<Range<usize>> {
        let columns = self.metadata.parquet_schema().columns();
        let of_it = |column: &parquet::schema::types::ColumnDescPtr| {
            column.path().parts().first().is_some_and(|first| first == name)
        };
        let start = columns.iter().position(of_it)?;
        let count = columns[start..].iter().take_while(|column| of_it(column)).count();
        Some(start..start + count)
    }

    fn reader(&self, name: &str, ranges: Option<Vec<Range<usize>>>) -> Result<ParquetRecordBatchReader> {
        let leaves = self.leaves(name).unwrap_or_default();
        let mask = ProjectionMask::leaves(self.metadata.parquet_schema(), leaves);
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(open(&self.path)?, self.metadata.clone())
            .with_projection(mask)
            .with_batch_size(BATCH_ROWS);
        if let Some(ranges) = ranges {
            let selection = RowSelection::from_consecutive_ranges(ranges.into_iter(), self.rows as usize);
            builder = builder.with_row_selection(selection);
        }
        builder.build().map_err(|e| write_error(&self.path, e))
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(crate::error::Error::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sample_is_spread_in_order_and_never_larger_than_asked(all in 0u64..5_000_000, rows in 1u64..300_000, text in 1u64..50_000) {
            let sample = Sample::of(all, rows, text);
            prop_assert!(sample.rows() <= rows.min(all));
            prop_assert!(sample.text_rows() <= text.min(sample.rows()).max(u64::from(sample.rows() > 0)));
            prop_assert!(sample.blocks.windows(2).all(|two| two[0].end <= two[1].start));
            prop_assert!(sample.blocks.last().is_none_or(|last| last.end <= all));
            if all <= rows {
                prop_assert_eq!(sample.rows(), all);
            } else {
                prop_assert!(sample.rows() * 2 >= rows);
            }
            let cut = all / 3;
            let parts = [sample.within(0, cut), sample.within(cut, all - cut)];
            let total: usize = parts.iter().flatten().map(ExactSizeIterator::len).sum();
            prop_assert_eq!(total as u64, sample.rows());
        }
    }
}
