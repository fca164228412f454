//! `normalise(text)` and `mask_numbers(text)`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use deskmill_models::text::{mask_numbers_and_addresses, normalise};

/// A function from one text to one text; null stays null.
#[derive(Debug)]
struct TextFunction {
    name: &'static str,
    apply: fn(&str) -> String,
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
    let function = |name, apply| TextFunction {
        name,
        apply,
        signature: Signature::string(1, Volatility::Immutable),
    };
    vec![
        ScalarUDF::from(function("normalise", normalise)),
        ScalarUDF::from(function("mask_numbers", mask_numbers_and_addresses)),
    ]
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = cast(&arrays[0], &DataType::Utf8)?;
        let apply = |value: Option<&str>| value.map(|text| (self.apply)(text));
        let out: StringArray = texts.as_string::<i32>().iter().map(apply).collect();
        Ok(ColumnarValue::Array(Arc::new(out) as ArrayRef))
    }
}
