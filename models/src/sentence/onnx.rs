//! Writes networks as ONNX files: the few messages of its protobuf schema (onnx.proto3, IR version 8) that a graph of
//! operators over constants needs. Reading is the runtime's part.

/// Version of the file format.
const IR_VERSION: u64 = 8;
/// Version of the operators; 20 is the first that has Gelu.
const OPERATORS_VERSION: u64 = 20;

/// Element types, as numbered by `TensorProto.DataType`.
pub(super) const FLOAT: u64 = 1;
const INT8: u64 = 3;
const INT64: u64 = 7;

/// A value of an operator's attribute.
pub(super) enum Attribute<'a> {
    /// A number.
    Float(f32),
    /// A whole number.
    Int(i64),
    /// Whole numbers.
    Ints(&'a [i64]),
}

/// A graph that grows operator by operator. Values are known by name.
pub(super) struct Graph {
    graph: Vec<u8>,
    count: usize,
}

impl Graph {
    pub(super) fn new() -> Self {
        Self {
            graph: Vec::new(),
            count: 0,
        }
    }

    /// Adds a constant array of floats.
    pub(super) fn floats(&mut self, shape: &[usize], values: &[f32]) -> String {
        let raw: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(shape, FLOAT, &raw)
    }

    /// Adds a constant list of whole numbers; an empty `shape` makes a single number of it.
    pub(super) fn ints(&mut self, shape: &[usize], values: &[i64]) -> String {
        let raw: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(shape, INT64, &raw)
    }

    /// Adds a constant array of bytes, taken as signed numbers.
    pub(super) fn signed_bytes(&mut self, shape: &[usize], values: &[u8]) -> String {
        self.constant(shape, INT8, values)
    }

    fn constant(&mut self, shape: &[usize], element: u64, raw: &[u8]) -> String {
        let name = self.name();
        let mut tensor = Vec::new();
        shape.iter().for_each(|size| varint_field(&mut tensor, 1, *size as u64));
        varint_field(&mut tensor, 2, element);
        bytes_field(&mut tensor, 8, name.as_bytes());
        bytes_field(&mut tensor, 9, raw);
        bytes_field(&mut self.graph, 5, &tensor);
        name
    }

    /// Adds an operator and gives the name of its result.
    pub(super) fn add(&mut self, operator: &str, inputs: &[&str], attributes: &[(&str, Attribute<'_>)]) -> String {
        let name = self.name();
        self.add_named(operator, inputs, attributes, &name);
        name
    }

    /// As [`Self::add`], for a result whose name matters.
    pub(super) fn add_named(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
        name: &str,
    ) {
        let mut node = Vec::new();
        inputs
            .iter()
            .for_each(|input| bytes_field(&mut node, 1, input.as_bytes()));
        bytes_field(&mut node, 2, name.as_bytes());
        bytes_field(&mut node, 4, operator.as_bytes());
        for (key, value) in attributes {
            let mut attribute = Vec::new();
            bytes_field(&mut attribute, 1, key.as_bytes());
            let kind = match value {
                Attribute::Float(x) => {
                    varint(&mut attribute, 2 << 3 | 5);
                    attribute.extend(x.to_le_bytes());
                    1
                }
                Attribute::Int(x) => {
                    varint_field(&mut attribute, 3, x.cast_unsigned());
                    2
                }
                Attribute::Ints(all) => {
                    all.iter()
                        .for_each(|x| varint_field(&mut attribute, 8, x.cast_unsigned()));
                    7
                }
            };
            varint_field(&mut attribute, 20, kind);
            bytes_field(&mut node, 5, &attribute);
        }
        bytes_field(&mut self.graph, 1, &node);
    }

    /// The whole file: a network that takes whole numbers of shape `[1, n]` as `input` and gives floats as `output`.
    pub(super) fn finish(mut self, input: &str, output: &str) -> Vec<u8> {
        bytes_field(&mut self.graph, 2, b"encoder");
        bytes_field(&mut self.graph, 11, &value_info(input, INT64));
        bytes_field(&mut self.graph, 12, &value_info(output, FLOAT));
        let mut operators = Vec::new();
        varint_field(&mut operators, 2, OPERATORS_VERSION);
        let mut model = Vec::with_capacity(self.graph.len() + 64);
        varint_field(&mut model, 1, IR_VERSION);
        bytes_field(&mut model, 2, b"deskmill");
        bytes_field(&mut model, 7, &self.graph);
        bytes_field(&mut model, 8, &operators);
        model
    }

    fn name(&mut self) -> String {
        self.count += 1;
        format!("v{}", self.count)
    }
}

fn value_info(name: &str, element: u64) -> Vec<u8> {
    let (mut tensor, mut value_type, mut info) = (Vec::new(), Vec::new(), Vec::new());
    varint_field(&mut tensor, 1, element);
    bytes_field(&mut value_type, 1, &tensor);
    bytes_field(&mut info, 1, name.as_bytes());
    bytes_field(&mut info, 2, &value_type);
    info
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_field(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn bytes_field(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
