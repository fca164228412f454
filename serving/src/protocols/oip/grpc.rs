//! Predictions of `GRPCInferenceService`: the same tensors as over REST, checked by the same code.

use std::collections::HashMap;

use deskmill_models::kind::{Signature, ValueSpec};
use deskmill_models::rows::RowLimits;
use prost::Message;
use serde_json::{Value, json};

use super::super::{Decoded, Encoded, Predicted, Reply, misfit};
use super::messages::{Choice, Contents, InferRequest, InferResponse, InputTensor, Parameter, TensorMetadata};
use super::tensor::{Data, Tensor, input};
use super::{Output, OutputTensor, Tensors, binary, datatype, name_at, rows_of, shape};
use crate::loaded::Version;
use crate::problem::Problem;

pub(crate) fn decode(request: &InferRequest, version: &Version, limits: RowLimits) -> Result<Decoded, Problem> {
    let signature = version.signature();
    let raw = &request.raw_input_contents;
    if !raw.is_empty() && raw.len() != request.inputs.len() {
        let expected = format!("{} raw tensors, one for each input, or none", request.inputs.len());
        let found = format!("{} raw tensors", raw.len());
        return Err(misfit("$.raw_input_contents", expected, found, Value::Null));
    }
    let read = |(at, tensor)| {
        let raw = raw.get(at).map(|bytes: &bytes::Bytes| &bytes[..]);
        read(signature, tensor, raw, format!("$.inputs[{at}]"))
    };
    let tensors: Vec<Tensor<'_>> = request.inputs.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    let outputs = selection(signature, request)?;
    let id = (!request.id.is_empty()).then(|| request.id.clone());
    Ok(Decoded {
        rows: rows_of(tensors, version, limits)?,
        reply: Reply::Message(Tensors { id, outputs }),
    })
}

fn read<'a>(
    signature: &'a Signature,
    tensor: &'a InputTensor,
    raw: Option<&'a [u8]>,
    path: String,
) -> Result<Tensor<'a>, Problem> {
    let spec = input(signature, Some(&tensor.name), Some(&tensor.datatype), &path)?;
    if tensor.parameters.contains_key("shared_memory_region") {
        let expected = "values in the request: memory is not shared with callers";
        return Err(misfit(
            format!("{path}.parameters"),
            expected,
            "a region of shared memory",
            json!({}),
        ));
    }
    let dims: Option<Vec<u64>> = tensor.shape.iter().map(|dim| u64::try_from(*dim).ok()).collect();
    let shape = dims.ok_or_else(|| {
        let expected = "whole numbers from 0";
        misfit(format!("{path}.shape"), expected, "a negative one", json!([1]))
    })?;
    let data = match (raw, &tensor.contents) {
        (Some(bytes), None) => Data::Raw(&tensor.datatype, bytes),
        (None, contents) => {
            let nothing = Contents::default();
            let values = values(&tensor.datatype, contents.as_ref().unwrap_or(&nothing));
            Data::Values(values.ok_or_else(|| {
                let expected = format!("values of {} that are UTF-8 if they are texts", tensor.datatype);
                misfit(format!("{path}.contents"), expected, "others", json!([spec.example]))
            })?)
        }
        (Some(_), Some(_)) => return Err(misfit(path, "raw or typed contents", "both", Value::Null)),
    };
    Ok(Tensor {
        path,
        spec,
        shape,
        data,
    })
}

/// The field of the contents that belongs to a datatype, as the protocol says which.
fn values(datatype: &str, contents: &Contents) -> Option<Vec<Value>> {
    fn all<T: Copy + Into<Value>>(values: &[T]) -> Option<Vec<Value>> {
        Some(values.iter().map(|value| (*value).into()).collect())
    }
    match datatype {
        "BOOL" => all(&contents.flags),
        "INT8" | "INT16" | "INT32" => all(&contents.ints),
        "INT64" => all(&contents.longs),
        "UINT8" | "UINT16" | "UINT32" => all(&contents.unsigned_ints),
        "UINT64" => all(&contents.unsigned_longs),
        "FP32" => all(&contents.floats),
        "FP64" => all(&contents.doubles),
        "BYTES" => {
            let texts = contents.texts.iter();
            texts.map(|text| Some(std::str::from_utf8(text).ok()?.into())).collect()
        }
        _ => None,
    }
}

fn selection(signature: &Signature, request: &InferRequest) -> Result<Vec<Output>, Problem> {
    let names: Vec<&str> = signature.outputs.iter().map(|output| output.name.as_str()).collect();
    if request.outputs.is_empty() {
        return Ok((0..names.len()).map(|at| Output { at, raw: true }).collect());
    }
    let mut chosen = Vec::with_capacity(names.len());
    for (place, output) in request.outputs.iter().enumerate() {
        for unheard in ["classification", "shared_memory_region"] {
            if output.parameters.contains_key(unheard) {
                let path = format!("$.outputs[{place}].parameters.{unheard}");
                return Err(misfit(
                    path,
                    "no such parameter",
                    "one that is not done here",
                    Value::Null,
                ));
            }
        }
        let at = name_at(&names, Some(&output.name), &chosen, &format!("$.outputs[{place}].name"))?;
        chosen.push(Output { at, raw: true });
    }
    Ok(chosen)
}

/// The message without its frame.
pub(crate) fn encode(tensors: &Tensors, predicted: &Predicted<'_>) -> Result<Encoded, Problem> {
    let mut response = InferResponse {
        model_name: predicted.name.to_owned(),
        model_version: predicted.version.to_owned(),
        id: tensors.id.clone().unwrap_or_default(),
        ..InferResponse::default()
    };
    if let Some(degraded) = predicted.degraded {
        let text = |text: &str| Parameter {
            choice: Some(Choice::Text(text.to_owned())),
        };
        response.parameters = HashMap::from([
            ("degraded_by".to_owned(), text(degraded.by)),
            ("degraded_why".to_owned(), text(&degraded.why)),
        ]);
    }
    for output in &tensors.outputs {
        let specs = &predicted.signature.outputs;
        let (Some(spec), Some(column)) = (specs.get(output.at), predicted.rows.columns().get(output.at)) else {
            continue;
        };
        let tensor = OutputTensor::of(spec, column);
        let mut bytes = Vec::new();
        binary::write(tensor.datatype, &tensor.data.unwrap_or_default(), &mut bytes).ok_or_else(|| {
            let expected = "an answer without nulls; ask for this output over REST as JSON";
            misfit(format!("$.outputs.{}", spec.name), expected, "a null", Value::Null)
        })?;
        response.outputs.push(TensorMetadata {
            name: spec.name.clone(),
            datatype: tensor.datatype.to_owned(),
            shape: tensor.shape.iter().map(|dim| *dim as i64).collect(),
        });
        response.raw_output_contents.push(bytes);
    }
    Ok(response.encode_to_vec().into())
}

/// Tensors of a model, for its metadata.
pub(crate) fn tensors(specs: &[ValueSpec]) -> Vec<TensorMetadata> {
    let tensor = |spec: &ValueSpec| TensorMetadata {
        name: spec.name.clone(),
        datatype: datatype(spec.value_type).to_owned(),
        shape: shape(spec.value_type).to_vec(),
    };
    specs.iter().map(tensor).collect()
}
