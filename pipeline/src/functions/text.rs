//! The SQL functions from one text: `normalise`, `mask_numbers`, `repair_mojibake`, `strip_html`, `strip_quotes`, `lang`,
//! `sentences`, `near_dup_key`, `to_simplified`. Null stays null.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use deskmill_models::text;

/// What a text becomes.
#[derive(Debug, Clone, Copy)]
enum Apply {
    /// Another text.
    Text(fn(&str) -> String),
    /// A text, or null.
    Maybe(fn(&str) -> Option<&'static str>),
    /// Pieces of it, in order.
    List(fn(&str) -> Vec<&str>),
}

/// A function of one text.
#[derive(Debug)]
struct TextFunction {
    name: &'static str,
    apply: Apply,
    signature: Signature,
}

impl PartialEq for TextFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for TextFunction {}

impl Hash for TextFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// All text functions.
pub(super) fn all() -> Vec<ScalarUDF> {
    let functions = [
        ("normalise", Apply::Text(text::normalise)),
        ("mask_numbers", Apply::Text(text::mask_numbers_and_addresses)),
        ("repair_mojibake", Apply::Text(text::repair_mojibake)),
        ("strip_html", Apply::Text(text::strip_html)),
        ("strip_quotes", Apply::Text(text::strip_quotes)),
        ("lang", Apply::Maybe(text::language)),
        ("sentences", Apply::List(text::sentences)),
        ("near_dup_key", Apply::Text(text::near_dup_key)),
        ("to_simplified", Apply::Text(text::to_simplified)),
    ];
    let function = |(name, apply)| TextFunction {
        name,
        apply,
        signature: Signature::string(1, Volatility::Immutable),
    };
    functions.map(function).into_iter().map(ScalarUDF::from).collect()
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.apply {
            Apply::Text(_) | Apply::Maybe(_) => DataType::Utf8,
            Apply::List(_) => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = cast(&arrays[0], &DataType::Utf8)?;
        let texts = texts.as_string::<i32>().iter();
        let out: ArrayRef = match self.apply {
            Apply::Text(apply) => Arc::new(texts.map(|value| value.map(apply)).collect::<StringArray>()),
            Apply::Maybe(apply) => Arc::new(texts.map(|value| value.and_then(apply)).collect::<StringArray>()),
            Apply::List(apply) => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for value in texts {
                    lists.append_option(value.map(|text| apply(text).into_iter().map(Some)));
                }
                Arc::new(lists.finish())
            }
        };
        Ok(ColumnarValue::Array(out))
    }
}
