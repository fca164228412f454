//! What becomes of each column of the examples: looked at once, before a fit.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::rows::OWN_COLUMNS;
use crate::error::{Error, Result};
use crate::kind::{Examples, FitContext, Rows, ValueType};
use crate::text::pii::PiiRules;

/// A value of a category that fewer rows have is one of the others.
const CATEGORY_ROWS_MIN: u64 = 3;

/// Most values of a category; those of fewer rows are others.
const CATEGORY_VALUES_MAX: usize = 4096;

/// Distinct values that are counted in a column of texts. With more, it is a text or a name of its own for every row.
const COUNTED_MAX: usize = 20_000;

/// A column whose values have so many words on average is a text.
const TEXT_WORDS_MIN: f64 = 3.0;

/// A column of few words is a category if it has at most one value in so many rows.
const CATEGORY_ROWS_PER_VALUE: f64 = 2.0;

/// How a column is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Numbers; true is 1.
    Number,
    /// The hour of the day and the day of the week, in UTC.
    Clock,
    /// One of these values, sorted; any other is one more value.
    Category {
        /// The values.
        values: Vec<String>,
    },
    /// A text, or turns of a conversation: how much its n-grams speak for each class.
    Text,
}

/// A column that is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnPlan {
    /// Its name.
    pub name: String,
    /// The type of its values in a request.
    pub value_type: ValueType,
    /// What becomes of it.
    pub role: Role,
}

/// A column that is not used, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
}

/// What a recipe may say of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoleChoice {
    /// It is a category, however many values it has.
    Category,
    /// It is a text, however few words it has.
    Text,
    /// It is not used.
    Skip,
}

/// All columns of some examples.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Those that are used, in the order of the rows.
    pub columns: Vec<ColumnPlan>,
    /// The others, but for those that the kind reads by itself.
    pub left_out: Vec<LeftOut>,
}

/// What was seen of a column of texts.
#[derive(Default)]
struct Seen {
    rows: u64,
    words: u64,
    values: BTreeMap<String, u64>,
}

impl Seen {
    fn push(&mut self, value: &str) {
        self.rows += 1;
        self.words += words_of(value);
        if let Some(count) = self.values.get_mut(value) {
            *count += 1;
        } else if self.values.len() < COUNTED_MAX {
            self.values.insert(value.to_owned(), 1);
        }
    }

    fn is_text(&self) -> bool {
        let distinct = self.values.len() as f64;
        let words = self.words as f64 / self.rows.max(1) as f64;
        words >= TEXT_WORDS_MIN && distinct > (self.rows as f64 / 20.0).min(200.0)
    }

    fn is_category(&self) -> bool {
        self.values.len() < COUNTED_MAX && self.values.len() as f64 * CATEGORY_ROWS_PER_VALUE <= self.rows as f64
    }

    /// The values with enough rows, the most frequent ones if there are too many. What may be about a person is none.
    fn category(self, rules: &PiiRules) -> Role {
        let mut values: Vec<(String, u64)> = self.values.into_iter().collect();
        values.retain(|(value, rows)| *rows >= CATEGORY_ROWS_MIN && rules.mask(value) == value.as_str());
        values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        values.truncate(CATEGORY_VALUES_MAX);
        let mut values: Vec<String> = values.into_iter().map(|value| value.0).collect();
        values.sort_unstable();
        Role::Category { values }
    }
}

/// Words of a text; two Chinese characters count as one.
fn words_of(text: &str) -> u64 {
    let han = text.chars().filter(|c| crate::text::words::is_han(*c)).count() as u64;
    text.split_whitespace().count() as u64 + han / 2
}

impl Plan {
    /// The plan of some examples whose kind uses no sentence encoder. `own` are columns that the kind reads by itself,
    /// beside [`OWN_COLUMNS`].
    ///
    /// # Errors
    /// As [`Self::make`]; also when there is an encoder, or no column can be used.
    pub fn of_examples(
        examples: &Examples<'_>,
        own: &[&str],
        chosen: &BTreeMap<String, RoleChoice>,
        context: &FitContext<'_>,
    ) -> Result<Self> {
        let problem = |message: &str, hint: &str| Error::Examples {
            model: examples.model.into(),
            message: message.into(),
            hint: hint.into(),
        };
        if context.encoder.is_some() {
            return Err(problem("models of this kind use no encoder", "leave `encoder` out"));
        }
        (context.progress)(0.0, "looking at the columns");
        let own: Vec<&str> = OWN_COLUMNS.iter().chain(own).copied().collect();
        let plan = Self::make(examples.train, &own, chosen)?;
        if plan.columns.is_empty() {
            let hint = "let the examples query give columns of what is known of a case";
            return Err(problem("no column can be learned from", hint));
        }
        Ok(plan)
    }

    /// Looks at the rows. `own` are columns the kind reads by itself; `chosen` is what a recipe says of others.
    ///
    /// # Errors
    /// When rows cannot be read, or the recipe names a column that is not there.
    pub fn make(rows: &dyn Rows, own: &[&str], chosen: &BTreeMap<String, RoleChoice>) -> Result<Self> {
        let schema = rows.schema();
        if let Some(name) = chosen.keys().find(|name| schema.field_with_name(name).is_err()) {
            return Err(Error::table(
                format!("column `{name}`"),
                "is named by `columns`, and is not in the examples",
            ));
        }
        let fields: Vec<_> = schema
            .fields()
            .iter()
            .filter(|field| !own.contains(&field.name().as_str()))
            .collect();
        let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
        for batch in rows.batches()? {
            let batch = batch?;
            for field in &fields {
                let (name, place) = (field.name().as_str(), || format!("column `{}`", field.name()));
                if value_type(field.data_type()) != Some(ValueType::Text) {
                    continue;
                }
                let column = batch
                    .column_by_name(name)
                    .ok_or_else(|| Error::table(place(), "is missing"))?;
                let column = cast(column, &DataType::Utf8).map_err(|e| Error::table(place(), e))?;
                let seen = seen.entry(name).or_default();
                column
                    .as_string::<i32>()
                    .iter()
                    .flatten()
                    .for_each(|value| seen.push(value));
            }
        }
        let rules = PiiRules::default();
        let mut plan = Self::default();
        for field in fields {
            let name = field.name().as_str();
            match role(
                field.data_type(),
                seen.remove(name).unwrap_or_default(),
                chosen.get(name),
                &rules,
            ) {
                Ok((value_type, role)) => plan.columns.push(ColumnPlan {
                    name: name.to_owned(),
                    value_type,
                    role,
                }),
                Err(why) => plan.left_out.push(LeftOut {
                    name: name.to_owned(),
                    why: why.to_owned(),
                }),
            }
        }
        Ok(plan)
    }
}

/// What a column of that type holds in a request; none if it cannot be used.
fn value_type(data_type: &DataType) -> Option<ValueType> {
    Some(match data_type {
        DataType::Boolean => ValueType::Boolean,
        DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Decimal128(..) => ValueType::Number,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => ValueType::Text,
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => ValueType::Time,
        DataType::List(_) | DataType::LargeList(_) => ValueType::TextList,
        whole if whole.is_integer() => ValueType::Integer,
        _ => return None,
    })
}

fn role(
    data_type: &DataType,
    seen: Seen,
    chosen: Option<&RoleChoice>,
    rules: &PiiRules,
) -> std::result::Result<(ValueType, Role), &'static str> {
    if chosen == Some(&RoleChoice::Skip) {
        return Err("the recipe says so");
    }
    let value_type = value_type(data_type).ok_or("values of its type are not used")?;
    let role = match (value_type, chosen) {
        (ValueType::Boolean | ValueType::Integer | ValueType::Number, _) => Role::Number,
        (ValueType::Time, _) => Role::Clock,
        (ValueType::TextList, _) | (ValueType::Text, Some(RoleChoice::Text)) => Role::Text,
        (_, Some(RoleChoice::Category)) => seen.category(rules),
        _ if seen.values.len() < 2 => return Err("all rows have the same value"),
        _ if seen.is_text() => Role::Text,
        _ if seen.is_category() => seen.category(rules),
        _ => return Err("nearly every row has a value of its own"),
    };
    Ok((value_type, role))
}

/// What a report has to say of columns that are not used, and of rows learned from when they are not all: (so many, of all).
pub fn table_notes(left_out: &[LeftOut], (learned, all): (u64, u64)) -> Vec<(String, String)> {
    let mut notes = Vec::new();
    if learned < all {
        let text = format!("{learned} of {all}: more do not fit the memory limit");
        notes.push(("rows learned from".into(), text));
    }
    if !left_out.is_empty() {
        let each = left_out.iter().map(|column| format!("{}: {}", column.name, column.why));
        notes.push(("columns left out".into(), each.collect::<Vec<_>>().join("; ")));
    }
    notes
}
