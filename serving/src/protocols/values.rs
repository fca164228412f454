//! Predictions as JSON, written from the arrays themselves: an answer of a few numbers should not cost a tree of values.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use deskmill_models::rows::value_at;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// One object a row, keys in column order.
pub(super) struct Objects<'a>(pub(super) &'a RecordBatch);

impl Serialize for Objects<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.0.num_rows()))?;
        for row in 0..self.0.num_rows() {
            rows.serialize_element(&Object(self.0, row))?;
        }
        rows.end()
    }
}

struct Object<'a>(&'a RecordBatch, usize);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Object(rows, row) = *self;
        let mut object = serializer.serialize_map(Some(rows.num_columns()))?;
        for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
            object.serialize_entry(field.name(), &Cell(column, row))?;
        }
        object.end()
    }
}

/// One array a column, under its name.
pub(super) struct Columns<'a>(pub(super) &'a RecordBatch);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut columns = serializer.serialize_map(Some(self.0.num_columns()))?;
        for (field, column) in self.0.schema_ref().fields().iter().zip(self.0.columns()) {
            columns.serialize_entry(field.name(), &Cells(column))?;
        }
        columns.end()
    }
}

/// The values of a column.
pub(super) struct Cells<'a>(pub(super) &'a ArrayRef);

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut cells = serializer.serialize_seq(Some(self.0.len()))?;
        for row in 0..self.0.len() {
            cells.serialize_element(&Cell(self.0, row))?;
        }
        cells.end()
    }
}

/// One value: the same JSON as [`value_at`] makes.
struct Cell<'a>(&'a dyn Array, usize);

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Cell(array, row) = *self;
        if array.is_null(row) {
            return serializer.serialize_unit();
        }
        match array.data_type() {
            DataType::Utf8 => serializer.serialize_str(array.as_string::<i32>().value(row)),
            DataType::Float64 => serializer.serialize_f64(array.as_primitive::<Float64Type>().value(row)),
            DataType::Int64 => serializer.serialize_i64(array.as_primitive::<Int64Type>().value(row)),
            DataType::Boolean => serializer.serialize_bool(array.as_boolean().value(row)),
            DataType::List(_) => Cells(&array.as_list::<i32>().value(row)).serialize(serializer),
            _ => value_at(array, row).serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray};
    use deskmill_models::rows::to_objects;
    use proptest::prelude::*;

    use super::*;

    fn rows(numbers: Vec<Option<f64>>, texts: Vec<Option<String>>) -> RecordBatch {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for text in &texts {
            lists.values().append_option(text.as_deref());
            lists.append(text.is_some());
        }
        let whole: Int64Array = numbers.iter().map(|n| n.map(|n| n as i64)).collect();
        let times: TimestampMicrosecondArray = whole.iter().map(|n| n.map(|n| n % 1_000_000_000)).collect();
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("number", Arc::new(Float64Array::from(numbers))),
            ("text", Arc::new(StringArray::from(texts))),
            ("list", Arc::new(lists.finish())),
            ("whole", Arc::new(whole)),
            ("time", Arc::new(times.with_timezone("UTC"))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap()
    }

    proptest! {
        #[test]
        fn it_is_what_value_at_makes(
            cells in prop::collection::vec((any::<Option<f64>>(), any::<Option<String>>()), 0..6),
        ) {
            let (numbers, texts) = cells.into_iter().unzip();
            let rows = rows(numbers, texts);
            let written = serde_json::to_string(&Objects(&rows)).unwrap();
            prop_assert_eq!(written, serde_json::to_string(&to_objects(&rows)).unwrap());
            let column = rows.column(0);
            let values: Vec<_> = (0..column.len()).map(|row| value_at(column, row)).collect();
            prop_assert_eq!(
                serde_json::to_string(&Cells(column)).unwrap(),
                serde_json::to_string(&values).unwrap()
            );
        }
    }

    #[test]
    fn what_json_cannot_say_is_null() {
        let rows = rows(
            vec![Some(f64::NAN), Some(f64::INFINITY)],
            vec![None, Some(String::new())],
        );
        assert_eq!(serde_json::to_string(&Cells(rows.column(0))).unwrap(), "[null,null]");
    }
}
