//! A BERT written as an ONNX network: from a checkpoint as Hugging Face stores it (`model.safetensors` and `config.json`),
//! or from any other source of its weights. It is made for one text without padding: there is no mask, and the first token
//! type is part of the positions.

use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde::Deserialize;

use super::TOKENS_MAX;
use super::onnx::{Attribute, Graph};
use crate::error::{Error, Result};

const WEIGHTS: &str = "model.safetensors";
const CONFIG: &str = "config.json";
const HINT: &str = "export the encoder to ONNX and add that file";

/// What of `config.json` decides how the network computes.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    pub(super) model_type: String,
    pub(super) hidden_act: String,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) num_attention_heads: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) max_position_embeddings: usize,
    pub(super) vocab_size: usize,
    pub(super) layer_norm_eps: f32,
    #[serde(default)]
    pub(super) position_embedding_type: Option<String>,
}

/// Where the weights of a BERT are.
pub(super) trait Weights {
    /// The array with this name in a checkpoint of Hugging Face, row-major.
    fn take(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>>;

    /// Adds to a graph what looks up the rows of the word embeddings, an array of that shape, for token numbers.
    fn words(&self, graph: &mut Graph, ids: &str, shape: [usize; 2]) -> Result<String> {
        let words = graph.floats(&shape, &self.take("embeddings.word_embeddings.weight", &shape)?);
        Ok(graph.add("Gather", &[&words, ids], &[]))
    }
}

/// The ONNX file of a BERT. The same files give the same bytes.
///
/// # Errors
/// When a file is damaged, the network is no BERT with absolute positions and GELU, or weights are missing, of another
/// shape, or not stored as 32-bit floats.
pub fn onnx_of_bert(weights: &[u8], config: &[u8]) -> Result<Vec<u8>> {
    let config: Config = serde_json::from_slice(config).map_err(|e| Error::encoder(CONFIG, e, HINT))?;
    let file = SafeTensors::deserialize(weights).map_err(|e| Error::encoder(WEIGHTS, e, HINT))?;
    // Checkpoints with a head on top put the encoder under a name of its own.
    let is_below = file.tensor("bert.embeddings.word_embeddings.weight").is_ok();
    let prefix = if is_below { "bert." } else { "" };
    write(config, &Checkpoint { file, prefix })
}

/// The ONNX file of a BERT.
pub(super) fn write(config: Config, weights: &dyn Weights) -> Result<Vec<u8>> {
    config.check()?;
    let mut bert = Bert {
        weights,
        hidden: config.hidden_size,
        config,
        graph: Graph::new(),
    };
    let mut x = bert.embed()?;
    for layer in 0..bert.config.num_hidden_layers {
        let place = format!("encoder.layer.{layer}");
        x = bert.attend(&place, &x)?;
        x = bert.feed_forward(&place, &x)?;
    }
    let first = bert.graph.ints(&[1], &[0]);
    bert.graph
        .add_named("Unsqueeze", &[&x, &first], &[], "last_hidden_state");
    Ok(bert.graph.finish("input_ids", "last_hidden_state"))
}

impl Config {
    fn check(&self) -> Result<()> {
        let refuse = |message: String| Err(Error::encoder(CONFIG, message, HINT));
        let word = |word: &str| word.chars().take(40).flat_map(char::escape_debug).collect::<String>();
        if self.model_type != "bert" {
            return refuse(format!(
                "the network is a `{}`; only `bert` is read from safetensors",
                word(&self.model_type)
            ));
        }
        if self.hidden_act != "gelu" {
            return refuse(format!(
                "hidden_act is `{}`; only `gelu` is read from safetensors",
                word(&self.hidden_act)
            ));
        }
        if self
            .position_embedding_type
            .as_deref()
            .is_some_and(|kind| kind != "absolute")
        {
            return refuse("position_embedding_type is not `absolute`".to_owned());
        }
        let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
        if heads == 0 || hidden == 0 || hidden % heads != 0 {
            return refuse(format!("{hidden} numbers a token cannot be split over {heads} heads"));
        }
        if self.max_position_embeddings < TOKENS_MAX {
            return refuse(format!(
                "reads {} tokens at most; {TOKENS_MAX} are needed",
                self.max_position_embeddings
            ));
        }
        Ok(())
    }
}

struct Checkpoint<'a> {
    file: SafeTensors<'a>,
    prefix: &'static str,
}

impl Weights for Checkpoint<'_> {
    fn take(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let name = format!("{}{name}", self.prefix);
        let place = || format!("{WEIGHTS}, {name}");
        let view = self.file.tensor(&name).map_err(|e| Error::encoder(place(), e, HINT))?;
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            let message = format!("{:?} {:?}; expected F32 {shape:?}", view.dtype(), view.shape());
            return Err(Error::encoder(place(), message, HINT));
        }
        let words = view.data().as_chunks::<4>().0;
        Ok(words.iter().map(|word| f32::from_le_bytes(*word)).collect())
    }
}

struct Bert<'a> {
    weights: &'a dyn Weights,
    config: Config,
    hidden: usize,
    graph: Graph,
}

impl Bert<'_> {
    /// Token numbers to `[tokens, hidden]`.
    fn embed(&mut self) -> Result<String> {
        let hidden = self.hidden;
        let positions = self.config.max_position_embeddings;
        let mut rows = self
            .weights
            .take("embeddings.position_embeddings.weight", &[positions, hidden])?;
        let types = self
            .weights
            .take("embeddings.token_type_embeddings.weight", &[2, hidden])?;
        for row in rows.chunks_exact_mut(hidden) {
            row.iter_mut().zip(&types[..hidden]).for_each(|(x, first)| *x += first);
        }
        let rows = self.graph.floats(&[positions, hidden], &rows);
        let (flat, start) = (self.graph.ints(&[1], &[-1]), self.graph.ints(&[1], &[0]));
        let ids = self.graph.add("Reshape", &["input_ids", &flat], &[]);
        let words = self
            .weights
            .words(&mut self.graph, &ids, [self.config.vocab_size, hidden])?;
        let graph = &mut self.graph;
        let count = graph.add("Shape", &[&ids], &[]);
        let rows = graph.add("Slice", &[&rows, &start, &count, &start], &[]);
        let sum = graph.add("Add", &[&words, &rows], &[]);
        self.normalise("embeddings.LayerNorm", &sum)
    }

    /// Multi-head attention over the tokens, added to its input.
    fn attend(&mut self, place: &str, x: &str) -> Result<String> {
        let (hidden, heads) = (self.hidden, self.config.num_attention_heads);
        let width = hidden / heads;
        // One product makes queries, keys and values.
        let mut matrix = vec![0.0; hidden * 3 * hidden];
        let mut bias = Vec::with_capacity(3 * hidden);
        for (at, part) in ["query", "key", "value"].iter().enumerate() {
            let name = format!("{place}.attention.self.{part}");
            let weights = self.weights.take(&format!("{name}.weight"), &[hidden, hidden])?;
            for (out, row) in weights.chunks_exact(hidden).enumerate() {
                for (from, weight) in row.iter().enumerate() {
                    matrix[from * 3 * hidden + at * hidden + out] = *weight;
                }
            }
            bias.extend(self.weights.take(&format!("{name}.bias"), &[hidden])?);
        }
        let size = |n: usize| n as i64;
        let graph = &mut self.graph;
        let matrix = graph.floats(&[hidden, 3 * hidden], &matrix);
        let bias = graph.floats(&[3 * hidden], &bias);
        let shape = graph.ints(&[4], &[-1, 3, size(heads), size(width)]);
        let scale = graph.floats(&[], &[1.0 / (width as f32).sqrt()]);
        let all = graph.add("MatMul", &[x, &matrix], &[]);
        let all = graph.add("Add", &[&all, &bias], &[]);
        let all = graph.add("Reshape", &[&all, &shape], &[]);
        let all = graph.add("Transpose", &[&all], &[("perm", Attribute::Ints(&[1, 2, 0, 3]))]);
        let parts = [0, 1, 2].map(|part| {
            let part = graph.ints(&[], &[part]);
            graph.add("Gather", &[&all, &part], &[("axis", Attribute::Int(0))])
        });
        let keys = graph.add("Transpose", &[&parts[1]], &[("perm", Attribute::Ints(&[0, 2, 1]))]);
        let scores = graph.add("MatMul", &[&parts[0], &keys], &[]);
        let scores = graph.add("Mul", &[&scores, &scale], &[]);
        let shares = graph.add("Softmax", &[&scores], &[("axis", Attribute::Int(-1))]);
        let mixed = graph.add("MatMul", &[&shares, &parts[2]], &[]);
        let mixed = graph.add("Transpose", &[&mixed], &[("perm", Attribute::Ints(&[1, 0, 2]))]);
        let shape = graph.ints(&[2], &[-1, size(hidden)]);
        let mixed = graph.add("Reshape", &[&mixed, &shape], &[]);
        let dense = self.dense(&format!("{place}.attention.output.dense"), &mixed, [hidden, hidden])?;
        let sum = self.graph.add("Add", &[&dense, x], &[]);
        self.normalise(&format!("{place}.attention.output.LayerNorm"), &sum)
    }

    fn feed_forward(&mut self, place: &str, x: &str) -> Result<String> {
        let (hidden, inner) = (self.hidden, self.config.intermediate_size);
        let wide = self.dense(&format!("{place}.intermediate.dense"), x, [hidden, inner])?;
        let wide = self.graph.add("Gelu", &[&wide], &[]);
        let dense = self.dense(&format!("{place}.output.dense"), &wide, [inner, hidden])?;
        let sum = self.graph.add("Add", &[&dense, x], &[]);
        self.normalise(&format!("{place}.output.LayerNorm"), &sum)
    }

    /// `x W + b`, for `[inputs, outputs]`. PyTorch stores W with a row an output.
    fn dense(&mut self, name: &str, x: &str, [inputs, outputs]: [usize; 2]) -> Result<String> {
        let weights = self.weights.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = self.weights.take(&format!("{name}.bias"), &[outputs])?;
        let mut matrix = vec![0.0; weights.len()];
        for (out, row) in weights.chunks_exact(inputs.max(1)).enumerate() {
            for (from, weight) in row.iter().enumerate() {
                matrix[from * outputs + out] = *weight;
            }
        }
        let matrix = self.graph.floats(&[inputs, outputs], &matrix);
        let bias = self.graph.floats(&[outputs], &bias);
        let product = self.graph.add("MatMul", &[x, &matrix], &[]);
        Ok(self.graph.add("Add", &[&product, &bias], &[]))
    }

    fn normalise(&mut self, name: &str, x: &str) -> Result<String> {
        let scale = self.weights.take(&format!("{name}.weight"), &[self.hidden])?;
        let bias = self.weights.take(&format!("{name}.bias"), &[self.hidden])?;
        let scale = self.graph.floats(&[self.hidden], &scale);
        let bias = self.graph.floats(&[self.hidden], &bias);
        let attributes = [
            ("axis", Attribute::Int(-1)),
            ("epsilon", Attribute::Float(self.config.layer_norm_eps)),
        ];
        Ok(self.graph.add("LayerNormalization", &[x, &scale, &bias], &attributes))
    }
}
