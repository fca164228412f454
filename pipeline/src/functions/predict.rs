//! `predict('model', column, ...)`: a model's answer as a struct of its outputs, through `Model::predict` like every
//! other way. The model is named by a text in the query (`'intent'`, `'intent@prod'`, `'intent@7'`) and loaded before
//! the query is planned.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, plan_datafusion_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Value};
use deskmill_models::registry::LoadedModel;

use super::calls::for_each_call;

/// The function, with the models it may be asked for by the reference used in the query.
pub struct PredictFunction {
    models: BTreeMap<String, Arc<LoadedModel>>,
    signature: Signature,
}

impl PredictFunction {
    /// A function over loaded models.
    pub fn new(models: BTreeMap<String, Arc<LoadedModel>>) -> Self {
        Self {
            models,
            signature: Signature::variadic_any(Volatility::Stable),
        }
    }

    fn model(&self, reference: Option<&ScalarValue>) -> Result<&Arc<LoadedModel>> {
        let name = reference.and_then(|value| value.try_as_str()).flatten();
        let name =
            name.ok_or_else(|| plan_datafusion_err!("predict: the first argument must be a text that names a model"))?;
        self.models
            .get(name)
            .ok_or_else(|| plan_datafusion_err!("predict: no model `{name}` was loaded"))
    }
}

/// The models that a query names in `predict('...')`. A query that cannot be parsed names none; planning will say why.
pub fn models_named(sql: &str) -> Vec<String> {
    let mut names = Vec::new();
    for_each_call(sql, |function, call| {
        if function == "predict"
            && let FunctionArguments::List(list) = &call.args
            && let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))) = list.args.first()
            && let Value::SingleQuotedString(name) = &value.value
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    });
    names
}

fn output_fields(model: &LoadedModel) -> arrow::datatypes::Fields {
    model.model.signature().output_schema().fields().clone()
}

impl ScalarUDFImpl for PredictFunction {
    fn name(&self) -> &str {
        "predict"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        plan_err!("predict: its type depends on the model named")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let model = self.model(args.scalar_arguments.first().copied().flatten())?;
        let inputs = &model.model.signature().inputs;
        if args.arg_fields.len() != inputs.len() + 1 {
            let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
            return plan_err!(
                "predict: the model takes {} value(s): {}",
                names.len(),
                names.join(", ")
            );
        }
        Ok(Arc::new(Field::new(
            "predict",
            DataType::Struct(output_fields(model)),
            false,
        )))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let reference = match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => Some(value),
            _ => None,
        };
        let model = self.model(reference)?;
        let inputs = &model.model.signature().inputs;
        let mut columns = Vec::with_capacity(inputs.len());
        let mut fields = Vec::with_capacity(inputs.len());
        for (input, argument) in inputs.iter().zip(&args.args[1..]) {
            let array = argument.to_array(args.number_rows)?;
            // A bare `null` has no type of its own.
            let array = if *array.data_type() == DataType::Null {
                cast(&array, &input.value_type.data_type())?
            } else {
                array
            };
            fields.push(Field::new(&input.name, array.data_type().clone(), true));
            columns.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(args.number_rows));
        let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?;
        let rows = deskmill_models::rows::conform(model.model.signature(), &rows);
        let answers = rows.and_then(|rows| model.model.predict(&rows));
        let answers = answers.map_err(|error| exec_datafusion_err!("predict: {error}"))?;
        let out: ArrayRef = Arc::new(StructArray::new(output_fields(model), answers.columns().to_vec(), None));
        Ok(ColumnarValue::Array(out))
    }
}

impl std::fmt::Debug for PredictFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PredictFunction")
            .field("models", &self.models.keys())
            .finish_non_exhaustive()
    }
}

/// Two functions are the same if they answer with the same versions.
impl PartialEq for PredictFunction {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Arc<LoadedModel>, &Arc<LoadedModel>)| Arc::ptr_eq(a, b);
        self.models.keys().eq(other.models.keys()) && self.models.values().zip(other.models.values()).all(same)
    }
}

impl Eq for PredictFunction {}

impl Hash for PredictFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.models.keys().for_each(|name| name.hash(state));
    }
}
