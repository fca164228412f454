//! Arrow IPC, as a stream and as a file.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, DictionaryArray, Float64Array, Int64Array, NullArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Int32Type;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use proptest::prelude::*;

use super::{Case, csv};
use crate::project::Format;

fn case() -> Case {
    Case {
        format: Format::Arrow,
        csv: None,
        ..csv()
    }
}

pub(super) fn batch(from: i64) -> RecordBatch {
    let kinds: DictionaryArray<Int32Type> = vec![Some("mail"), None, Some("chat")].into_iter().collect();
    let columns: Vec<(&str, ArrayRef, bool)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(from..from + 3)), true),
        (
            "text",
            Arc::new(StringArray::from(vec![Some("您好"), None, Some("x")])),
            true,
        ),
        ("kind", Arc::new(kinds), true),
        ("real", Arc::new(Float64Array::from(vec![0.1, 1e300, -0.0])), true),
        (
            "time",
            Arc::new(TimestampMicrosecondArray::from(vec![0, 1_500_000, 1]).with_timezone("Asia/Shanghai")),
            true,
        ),
        (
            "raw",
            Arc::new(BinaryArray::from(vec![Some(&b"ok"[..]), None, Some(b"\xff")])),
            true,
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

pub(super) fn write(is_file: bool, compression: Option<CompressionType>, batches: &[RecordBatch]) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let schema = batches[0].schema();
    let mut bytes = Vec::new();
    if is_file {
        let mut writer = FileWriter::try_new_with_options(&mut bytes, &schema, options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
    } else {
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, &schema, options).unwrap();
        batches.iter().for_each(|batch| writer.write(batch).unwrap());
        writer.finish().unwrap();
    }
    bytes
}

/// A small good one.
pub(super) fn some_file(is_file: bool) -> Vec<u8> {
    write(is_file, Some(CompressionType::ZSTD), &[batch(1), batch(4)])
}

#[test]
fn streams_and_files_are_read_packed_or_not() {
    for is_file in [true, false] {
        for compression in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
            let outcome = case().land(&write(is_file, compression, &[batch(1), batch(4)]));
            assert_eq!(
                outcome.shown(),
                [
                    "1|您好|mail|0.1|1970-01-01T00:00:00Z|ok",
                    "2|-|-|1e300|1970-01-01T00:00:01.500Z|-",
                    "4|您好|mail|0.1|1970-01-01T00:00:00Z|ok",
                    "5|-|-|1e300|1970-01-01T00:00:01.500Z|-",
                ]
            );
            let rejects: Vec<_> = outcome.rejects.iter().map(|r| (r.rule.as_str(), r.place[1])).collect();
            assert_eq!(rejects, [("encoding", 3), ("encoding", 6)]);
            assert_eq!(outcome.rejects[0].column.as_deref(), Some("raw"));
        }
    }
}

#[test]
fn what_is_not_whole_is_refused() {
    assert!(case().refused(b"").contains("it is empty"));
    assert!(case().refused(b"id,text\n1,x\n").contains("it cannot be read"));
    for is_file in [true, false] {
        let whole = write(is_file, None, &[batch(1), batch(4)]);
        for cut in [7, whole.len() / 3, whole.len() / 2, whole.len() * 2 / 3] {
            assert!(case().try_land(&whole[..cut]).is_err(), "{cut}");
        }
    }
    let whole = write(true, None, &[batch(1)]);
    assert!(case().refused(&whole[..whole.len() - 1]).contains("cut off"));
}

#[test]
fn rows_without_bytes_are_not_believed_without_end() {
    let nothing = |rows| {
        let column: ArrayRef = Arc::new(NullArray::new(rows));
        RecordBatch::try_from_iter_with_nullable([("a", column, true)]).unwrap()
    };
    assert_eq!(case().land(&write(false, None, &[nothing(10)])).landed.rows, 10);
    assert!(
        case()
            .refused(&write(false, None, &[nothing(1 << 50)]))
            .contains("more rows than")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_bytes_never_panic_or_take_memory(at in any::<prop::sample::Index>(), to in any::<u8>(), is_file in any::<bool>(), packed in any::<bool>()) {
        let mut bytes = write(is_file, packed.then_some(CompressionType::ZSTD), &[batch(1), batch(4)]);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _ = case().try_land(&bytes);
    }
}
