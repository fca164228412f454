//! A network in ONNX, run by rten on one thread: token numbers in, the mean of its vectors out.

use std::sync::{Arc, Mutex, PoisonError};

use rten::{Model, ModelOptions, NodeId, OpRegistry, RunOptions, ThreadPool, Value, ValueOrView, op_registry};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, Tensor};

use super::NETWORK_MAX_BYTES;
use super::caught::caught;
use crate::error::{Error, Result};

const PLACE: &str = "network";
const HINT: &str = "use the ONNX file of a BERT-like sentence encoder: token numbers in, one vector a token out";
/// Outputs that hold a vector a token, by the names that exporters give them; else the first output is taken.
const OUTPUTS: [&str; 2] = ["last_hidden_state", "token_embeddings"];

/// What an input of the network is filled with.
#[derive(Debug, Clone, Copy)]
enum Input {
    /// The token numbers.
    Ids,
    /// 1 for every token: nothing is padded.
    Mask,
    /// 0 for every token: there is one text.
    Types,
    /// 0, 1, 2 ...
    Positions,
}

pub(super) struct Network {
    model: Model,
    inputs: Vec<(NodeId, Input)>,
    output: NodeId,
    /// Pools of one thread each that nobody uses at the moment. As many are made as texts are embedded at once.
    idle: Mutex<Vec<Arc<ThreadPool>>>,
}

impl Network {
    pub(super) fn load(file: &[u8]) -> Result<Self> {
        if file.len() as u64 > NETWORK_MAX_BYTES {
            let message = format!("{} bytes; at most {NETWORK_MAX_BYTES} are read", file.len());
            return Err(Error::encoder(PLACE, message, HINT));
        }
        let model = caught(PLACE, HINT, || {
            let mut options = ModelOptions::with_ops(operators());
            // Weights are laid out once for the kernels, which makes a run a third faster and takes their room again.
            options.prepack_weights(true);
            options.load(file.to_vec())
        })?;
        let inputs = model.input_ids().iter().map(|id| {
            let name = model.node_info(*id).and_then(|node| node.name().map(str::to_owned));
            let name = name.unwrap_or_default();
            let input = match name.as_str() {
                "input_ids" => Input::Ids,
                "attention_mask" => Input::Mask,
                "token_type_ids" => Input::Types,
                "position_ids" => Input::Positions,
                _ => {
                    let message = format!("takes `{}`, which is unknown here", name.escape_debug());
                    return Err(Error::encoder(PLACE, message, HINT));
                }
            };
            Ok((*id, input))
        });
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        if !inputs.iter().any(|(_, input)| matches!(input, Input::Ids)) {
            return Err(Error::encoder(PLACE, "takes no `input_ids`", HINT));
        }
        let outputs = model.output_ids();
        let named = |id: &&NodeId| {
            let node = model.node_info(**id);
            node.and_then(|node| node.name())
                .is_some_and(|name| OUTPUTS.contains(&name))
        };
        let output = outputs.iter().find(named).or_else(|| outputs.first()).copied();
        let output = output.ok_or_else(|| Error::encoder(PLACE, "gives nothing", HINT))?;
        Ok(Self {
            model,
            inputs,
            output,
            idle: Mutex::default(),
        })
    }

    /// The mean over the tokens of what the network gives for them.
    pub(super) fn mean(&self, ids: &[i32]) -> Result<Vec<f32>> {
        let values = self.run(ids)?;
        let values: Tensor<f32> = caught(PLACE, HINT, || values.try_into().map_err(|_| "gives no floats"))?;
        let (rows, dimensions) = match *values.shape() {
            [1, rows, dimensions] if rows == ids.len() => (rows, dimensions),
            // A network that makes one vector of a text by itself.
            [1, dimensions] => (1, dimensions),
            ref other => {
                let message = format!("gives an array of shape {other:?} for {} tokens", ids.len());
                return Err(Error::encoder(PLACE, message, HINT));
            }
        };
        let values = values.to_vec();
        let mut mean = vec![0.0; dimensions];
        for row in values.chunks_exact(dimensions.max(1)) {
            mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        mean.iter_mut().for_each(|x| *x /= rows as f32);
        Ok(mean)
    }

    fn run(&self, ids: &[i32]) -> Result<Value> {
        let take = |input: &Input| -> Vec<i32> {
            match input {
                Input::Ids => ids.to_vec(),
                Input::Mask => vec![1; ids.len()],
                Input::Types => vec![0; ids.len()],
                Input::Positions => (0..).take(ids.len()).collect(),
            }
        };
        let inputs = self.inputs.iter().map(|(id, input)| {
            let value = NdTensor::from_data([1, ids.len()], take(input));
            (*id, ValueOrView::from(value))
        });
        let inputs = inputs.collect();
        let pool = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let pool = pool.unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)));
        let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
        let values = caught(PLACE, HINT, || self.model.run(inputs, &[self.output], Some(options)));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
        values?
            .pop()
            .ok_or_else(|| Error::encoder(PLACE, "gives nothing", HINT))
    }
}

/// The operators that exports of encoders use. Loops and branches are not among them, so a run ends; nor is chance.
#[rustfmt::skip]
fn operators() -> OpRegistry {
    op_registry!(
        Abs, Add, And, Cast, CastLike, Clip, Concat, ConstantOfShape, Cos, CumSum, DequantizeLinear, Div,
        DynamicQuantizeLinear, Einsum, Equal, Erf, Exp, Expand, Flatten, Floor, Gather, GatherElements,
        GatherND, Gelu, Gemm, Greater, GreaterOrEqual, Identity, IsInf, IsNaN, LayerNormalization, LeakyRelu,
        Less, LessOrEqual, Log, LpNormalization, MatMul, MatMulInteger, Max, Mean, Min, Mod, Mul, Neg, Not,
        Or, Pad, Pow, QuantizeLinear, Range, Reciprocal, ReduceL2, ReduceMax, ReduceMean, ReduceMin,
        ReduceSum, Relu, Reshape, Shape, Sigmoid, Sign, Sin, Size, Slice, Softmax, Split, Sqrt, Squeeze, Sub,
        Tanh, Tile, Transpose, Trilu, Unsqueeze, Where, Xor
    )
}
