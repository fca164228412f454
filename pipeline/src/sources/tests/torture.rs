//! Every reader over files that are damaged or made to harm: it ends in time with rows, rejects or one error, and no
//! panic leaves it.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;

use super::compressed::{PACKERS, zip};
use super::{Case, Outcome, arrow_files, csv, parquet_files, workbooks};
use crate::error::Result;
use crate::project::Format;

/// Far more than any of these files takes; a reader that needs this long hangs, or grows with the square of something.
const PATIENCE: Duration = Duration::from_secs(20);

/// The 2 MiB of a mail, page or text that are deep or long enough to do harm.
const LARGE: usize = 2 << 20;

fn case(format: Format) -> Case {
    Case {
        format,
        csv: if format == Format::Csv { csv().csv } else { None },
        encoding: if format == Format::Csv { "UTF-8" } else { "" },
        ..csv()
    }
}

/// A small good file of each format.
fn good_files() -> Vec<(Format, Vec<u8>)> {
    let mail = "From: a@x\r\nSubject: =?utf-8?B?5oKo5aW9?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: text/plain; charset=gbk\r\nContent-Transfer-Encoding: base64\r\n\r\nxPq6ww==\r\n\
        --b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=E6=82=A8</p>\r\n--b--\r\n";
    let page = "<!doctype html><html><head><title>退货</title><meta charset=utf-8></head><body><h1>Returns</h1><p>Send it \
        <b>back</b>.<table><tr><td>1<td>2</table><script>x()</script></body></html>";
    vec![
        (Format::Csv, "id,text\n1,\"您好, \"\"x\"\"\"\n2,b\n".into()),
        (
            Format::Jsonl,
            "{\"id\":1,\"a\":{\"b\":[1,\"您好\"]}}\n{\"id\":2}\n".into(),
        ),
        (
            Format::Json,
            "{\"items\":[{\"id\":1,\"a\":[{\"b\":null}]},{\"id\":\"\\u60a8\"}]}".into(),
        ),
        (Format::Parquet, parquet_files::some_file()),
        (Format::Arrow, arrow_files::some_file(true)),
        (Format::Arrow, arrow_files::some_file(false)),
        (Format::Xlsx, workbooks::some_file()),
        (Format::Mail, mail.into()),
        (Format::Html, page.into()),
        (Format::Chat, "[12:01] Ann: hello\n[12:02] 客服: 您好\nmore\n".into()),
        (Format::Text, "Hello\n\n您好\n".into()),
        (
            Format::Markdown,
            "---\ntitle: 您好\n---\n# A\n\n- b\n\n| c | d |\n|---|---|\n| 1 | 2 |\n".into(),
        ),
    ]
}

/// Lands a file in time.
#[track_caller]
fn in_time(case: &Case, what: &str, bytes: &[u8]) -> Result<Outcome> {
    let start = Instant::now();
    let outcome = case.try_land(bytes);
    assert!(start.elapsed() < PATIENCE, "{what}: {:?}", start.elapsed());
    if let Err(error) = &outcome {
        assert!(
            error.to_string().len() < 2000 && !error.hint().is_empty(),
            "{what}: {error}"
        );
    }
    outcome
}

/// What happens to bytes on their way.
#[derive(Debug, Clone)]
enum Harm {
    Cut(usize),
    Flip(usize, u8),
    Fill(usize, usize, u8),
    Double(usize, usize),
    Insert(usize, Vec<u8>),
}

impl Harm {
    fn to(&self, bytes: &mut Vec<u8>) {
        let all = bytes.len().max(1);
        let range = |at: usize, length: usize| (at % all)..(at % all + length).min(all).min(bytes.len());
        match self {
            Harm::Cut(at) => bytes.truncate(at % all),
            Harm::Flip(at, bits) => bytes.iter_mut().skip(at % all).take(1).for_each(|byte| *byte ^= bits),
            Harm::Fill(at, length, with) => {
                let range = range(*at, *length);
                bytes
                    .get_mut(range)
                    .into_iter()
                    .flatten()
                    .for_each(|byte| *byte = *with);
            }
            Harm::Double(at, length) => {
                let copy = bytes.get(range(*at, *length)).unwrap_or_default().to_vec();
                bytes.splice((at % all).min(bytes.len())..(at % all).min(bytes.len()), copy);
            }
            Harm::Insert(at, what) => {
                let at = (at % all).min(bytes.len());
                bytes.splice(at..at, what.iter().copied());
            }
        }
    }
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        any::<usize>().prop_map(Harm::Cut),
        (any::<usize>(), 1_u8..).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        (
            any::<usize>(),
            1_usize..40,
            prop::sample::select(vec![0_u8, 0x7f, 0xff])
        )
            .prop_map(|(a, l, w)| Harm::Fill(a, l, w)),
        (any::<usize>(), 1_usize..60).prop_map(|(at, length)| Harm::Double(at, length)),
        (any::<usize>(), vec(any::<u8>(), 1..12)).prop_map(|(at, what)| Harm::Insert(at, what)),
    ]
}

#[test]
fn good_files_are_good() {
    for (format, bytes) in good_files() {
        let outcome = case(format).try_land(&bytes);
        assert!(outcome.is_ok_and(|outcome| outcome.landed.rows > 0), "{format:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_files_end_in_rows_rejects_or_one_error(
        which in 0_usize..12,
        packer in prop::option::of(0_usize..4),
        before in vec(harm(), 0..4),
        after in vec(harm(), 0..3),
    ) {
        let (format, mut bytes) = good_files().swap_remove(which);
        before.iter().for_each(|harm| harm.to(&mut bytes));
        if let Some(packer) = packer {
            bytes = PACKERS[packer](&bytes);
        }
        after.iter().for_each(|harm| harm.to(&mut bytes));
        let _ = in_time(&case(format), &format!("{format:?}"), &bytes);
    }

    #[test]
    fn damaged_archives_end_too(harms in vec(harm(), 1..4)) {
        let mut bytes = zip(&[("a.csv", b"id,text\n1,x\n"), ("b.csv", &[b'x'; 300])]);
        harms.iter().for_each(|harm| harm.to(&mut bytes));
        let member = Case { member: Some("a.csv"), ..csv() };
        let _ = in_time(&member, "a member", &bytes);
    }
}

/// Texts of shapes that make readers recurse, hoard or go over everything again and again.
fn deep_and_long() -> Vec<(Format, &'static str, Vec<u8>)> {
    let many = |part: &str| part.repeat(LARGE / part.len()).into_bytes();
    let behind = |head: &str, part: &str| [head.as_bytes(), &many(part)].concat();
    let boundaries: String = (0..5000)
        .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
        .collect();
    vec![
        (Format::Csv, "one quote without end", behind("a,b\n1,\"", "x\n")),
        (Format::Csv, "a header of a million columns", many("c,")),
        (Format::Csv, "nothing but quotes", many("\"")),
        (Format::Csv, "nothing but NULs", many("\0")),
        (Format::Csv, "nothing but delimiters", behind("a,b\n", ",")),
        (Format::Json, "arrays in arrays", many("[")),
        (Format::Json, "objects in objects", many("{\"a\":")),
        (Format::Json, "a text without end", behind("[{\"a\":\"", "\\u0000")),
        (Format::Jsonl, "arrays in arrays", behind("{\"a\":", "[")),
        (Format::Jsonl, "an object of as many keys", behind("{", "\"a\":1,")),
        (Format::Html, "elements in elements", many("<div>")),
        (Format::Html, "formatting in formatting", many("<b><i><font>")),
        (Format::Html, "tables in tables", many("<table><tr><td>")),
        (Format::Html, "a tag without end", behind("<p ", "a=b ")),
        (Format::Html, "entities", many("&amp")),
        (
            Format::Mail,
            "parts in parts",
            format!("From: a@x\r\n{boundaries}").into_bytes(),
        ),
        (Format::Mail, "one header line", behind("Subject: ", "=?utf-8?Q?=E6?= ")),
        (Format::Mail, "addresses in comments", behind("From: ", "(")),
        (Format::Markdown, "quotes in quotes", many("> ")),
        (Format::Markdown, "lists in lists", many("- ")),
        (Format::Markdown, "open brackets", many("[")),
        (Format::Chat, "one line", behind("Ann: ", "x")),
        (Format::Text, "nothing but NULs", many("\0")),
    ]
}

#[test]
fn deep_and_long_files_end_in_time() {
    for (format, what, bytes) in deep_and_long() {
        let _ = in_time(&case(format), what, &bytes);
        // Where one row may be as long as the file.
        let _ = in_time(&case(format).row_max_bytes(1 << 30), what, &bytes);
    }
}

#[test]
fn a_workbook_of_entities_in_entities_is_small() {
    let mut declared = "<!DOCTYPE x [<!ENTITY a0 \"lol\">".to_owned();
    for n in 1..40 {
        declared += &format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10));
    }
    let bytes = workbooks::of_sheet_xml(&format!(
        "{declared}]><worksheet><sheetData><row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>&a39;</t></is></c></row></sheetData></worksheet>"
    ));
    let _ = in_time(&case(Format::Xlsx), "entities", &bytes);
    // A cell far out does not make a row of all the cells before it.
    let bytes = workbooks::of_sheet_xml(
        "<worksheet><sheetData><row r=\"1\"><c r=\"XFD1\"><v>1</v></c></row><row r=\"1048576\"><c r=\"A1048576\"><v>2</v></c></row></sheetData></worksheet>",
    );
    let _ = in_time(&case(Format::Xlsx), "a far cell", &bytes);
}

#[test]
fn a_packed_file_unpacks_to_so_much_and_no_more() {
    use std::io::Write as _;
    let mut packed = zstd::Encoder::new(Vec::new(), 1).unwrap();
    let zeros = vec![0; 1 << 20];
    (0..400).for_each(|_| packed.write_all(&zeros).unwrap());
    let bomb = packed.finish().unwrap();
    assert!(bomb.len() < 200 << 10, "{} bytes", bomb.len());
    for format in [Format::Csv, Format::Jsonl] {
        let error = in_time(&case(format), "a bomb", &bomb).unwrap_err();
        let said = format!("{error} / {}", error.hint());
        assert!(
            said.contains("1000 times its size") && said.contains("unpacked_max_ratio"),
            "{format:?}: {said}"
        );
    }
    // These may know better before it is unpacked so far.
    for format in [
        Format::Json,
        Format::Mail,
        Format::Text,
        Format::Html,
        Format::Arrow,
        Format::Parquet,
    ] {
        let _ = in_time(&case(format), "a bomb", &bomb);
    }
    let twice = PACKERS[0](&bomb);
    assert!(in_time(&csv(), "a bomb in a bomb", &twice).is_err());
    let member = Case {
        member: Some("a.csv.zst"),
        ..csv()
    };
    assert!(in_time(&member, "a bomb in an archive", &zip(&[("a.csv.zst", &bomb)])).is_err());
}
