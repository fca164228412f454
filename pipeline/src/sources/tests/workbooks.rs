//! Sheets of workbooks, written by hand as small as they may be.

use std::io::Write as _;

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::{Case, csv};
use crate::project::Format;

fn case() -> Case {
    Case {
        format: Format::Xlsx,
        csv: None,
        ..csv()
    }
}

fn zip(members: &[(&str, String)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in members {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A workbook with these sheets, each its name and the XML of its rows. Style 1 is a date, 2 a duration.
pub(super) fn xlsx(sheets: &[(&str, &str)]) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let list: String = (1..)
        .zip(sheets)
        .map(|(n, (name, _))| format!("<sheet name=\"{name}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>"))
        .collect();
    let relations: String = (1..=sheets.len())
        .map(|n| {
            format!("<Relationship Id=\"rId{n}\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet{n}.xml\"/>")
        })
        .collect();
    let styles = format!(
        "<styleSheet xmlns=\"{main}\"><numFmts count=\"1\"><numFmt numFmtId=\"170\" formatCode=\"[h]:mm:ss\"/></numFmts>\
         <cellXfs count=\"3\"><xf numFmtId=\"0\"/><xf numFmtId=\"22\"/><xf numFmtId=\"170\"/></cellXfs></styleSheet>"
    );
    let mut members = vec![
        ("[Content_Types].xml".to_owned(), "<Types/>".to_owned()),
        (
            "_rels/.rels".to_owned(),
            format!(
                "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml".to_owned(),
            format!("<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets>{list}</sheets></workbook>"),
        ),
        (
            "xl/_rels/workbook.xml.rels".to_owned(),
            format!(
                "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{relations}</Relationships>"
            ),
        ),
        ("xl/styles.xml".to_owned(), styles),
    ];
    for (n, (_, rows)) in (1..).zip(sheets) {
        let sheet = format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
        members.push((format!("xl/worksheets/sheet{n}.xml"), sheet));
    }
    let members: Vec<(&str, String)> = members
        .iter()
        .map(|(name, text)| (name.as_str(), text.clone()))
        .collect();
    zip(&members)
}

/// A small good one.
pub(super) fn some_file() -> Vec<u8> {
    let rows = [
        row(1, &[text("A1", "id"), text("B1", "at")]),
        row(2, &[text("A2", "您好"), number("B2", 1, "45000.5")]),
    ];
    xlsx(&[("one", &rows.concat())])
}

/// A workbook of one sheet whose XML is this.
pub(super) fn of_sheet_xml(xml: &str) -> Vec<u8> {
    let mut archive = ZipArchive::new(std::io::Cursor::new(some_file())).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    let mut members = Vec::new();
    for name in &names {
        let text = std::io::read_to_string(archive.by_name(name).unwrap()).unwrap();
        let is_sheet = name.ends_with("sheet1.xml");
        members.push((name.as_str(), if is_sheet { xml.to_owned() } else { text }));
    }
    zip(&members)
}

pub(super) fn text(place: &str, text: &str) -> String {
    format!("<c r=\"{place}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>")
}

fn number(place: &str, style: u32, value: &str) -> String {
    format!("<c r=\"{place}\" s=\"{style}\"><v>{value}</v></c>")
}

pub(super) fn row(number: u32, cells: &[String]) -> String {
    format!("<row r=\"{number}\">{}</row>", cells.concat())
}

#[test]
fn cells_become_text() {
    let header = ["A3", "B3", "C3", "D3"].map(|place| text(place, &format!("c{}", &place[..1])));
    let rows = [
        row(3, &header),
        row(
            4,
            &[
                number("A4", 0, "12"),
                number("B4", 0, "0.1"),
                number("C4", 1, "45000"),
                number("D4", 1, "45000.5"),
            ],
        ),
        row(5, &[]),
        row(
            6,
            &[
                text("A6", " 您好 "),
                number("C6", 1, "0.25"),
                number("D6", 2, "1.5"),
                text("E6", ""),
            ],
        ),
        row(
            7,
            &[
                "<c r=\"A7\" t=\"b\"><v>1</v></c>".to_owned(),
                "<c r=\"B7\"><f>1+1</f><v>2</v></c>".to_owned(),
            ],
        ),
        row(8, &["<c r=\"B8\" t=\"e\"><v>#N/A</v></c>".to_owned()]),
        row(9, &[number("A9", 0, "1"), text("F9", "out")]),
        row(12, &[number("A12", 0, "12345678901")]),
    ];
    let outcome = case().land(&xlsx(&[("Tickets", &rows.concat()), ("More", "")]));
    assert_eq!(outcome.columns, ["cA", "cB", "cC", "cD"]);
    assert_eq!(
        outcome.shown(),
        [
            "12|0.1|2023-03-15|2023-03-15T12:00:00",
            " 您好 |-|06:00:00|PT36H0M0S",
            "true|2|-|-",
            "12345678901|-|-|-",
        ]
    );
    let places: Vec<_> = outcome.places.iter().map(|place| [place[1], place[2]]).collect();
    assert_eq!(places, [[4, -1], [6, -1], [7, -1], [12, -1]]);
    assert_eq!(
        outcome.shown_rejects(),
        [
            "cell 8 {\"cA\":null,\"cB\":\"#N/A\"}",
            "fields 9 {\"cA\":\"1\",\"cB\":null,\"cC\":null,\"cD\":null,\"5\":null,\"6\":\"out\"}"
        ]
    );
}

#[test]
fn a_sheet_is_the_first_or_the_named() {
    let one = row(1, &[text("A1", "a")]) + &row(2, &[number("A2", 0, "1")]);
    let two = row(1, &[text("A1", "b")]) + &row(2, &[number("A2", 0, "2")]);
    let bytes = xlsx(&[("One", &one), ("二", &two), ("None", "")]);
    let named = |sheet| Case {
        sheet: Some(sheet),
        ..case()
    };
    assert_eq!(case().land(&bytes).columns, ["a"]);
    assert_eq!(named("二").land(&bytes).shown(), ["2"]);
    let refused = named("Three").refused(&bytes);
    assert!(
        refused.contains("no sheet `Three`") && refused.contains("`One`, `二`"),
        "{refused}"
    );
    assert!(named("None").refused(&bytes).contains("sheet `None` is empty"));
}

#[test]
fn names_that_cannot_be_and_files_that_are_none_are_refused() {
    let gap = row(1, &[text("A1", "a"), text("C1", "c")]);
    assert!(
        case()
            .refused(&xlsx(&[("S", &gap)]))
            .contains("line 1: column 2 has no name")
    );
    let twice = row(2, &[text("A2", "a"), text("B2", "a")]);
    assert!(
        case()
            .refused(&xlsx(&[("S", &twice)]))
            .contains("line 2: two columns are named `a`")
    );
    assert!(case().refused(b"").contains("it is empty"));
    assert!(case().refused(b"a,b\n1,2\n").contains("as a workbook"));
    assert!(case().refused(&zip(&[("a.txt", "x".into())])).contains("as a workbook"));
    let whole = xlsx(&[("S", &gap)]);
    assert!(case().refused(&whole[..whole.len() / 2]).contains("as a workbook"));
    // A cell at the far corner of the sheet makes nothing grow.
    let far = row(1, &[text("A1", "a")]) + &row(1_048_576, &[number("XFD1048576", 0, "1")]);
    let outcome = case().land(&xlsx(&[("S", &far)]));
    assert_eq!((outcome.landed.rows, outcome.landed.rejects), (0, 1));
}

#[test]
fn open_documents_are_read_too() {
    let cell = |kind: &str, value: &str, shown: &str| {
        format!(
            "<table:table-cell office:value-type=\"{kind}\" office:{value}><text:p>{shown}</text:p></table:table-cell>"
        )
    };
    let string = |shown: &str| cell("string", "string-value=\"\"", shown).replace(" office:string-value=\"\"", "");
    let rows = [
        [string("id"), string("day"), string("text")].concat(),
        [
            cell("float", "value=\"7\"", "7"),
            cell("date", "date-value=\"2024-05-06\"", "6 May"),
            string("您好"),
        ]
        .concat(),
    ]
    .map(|cells| format!("<table:table-row>{cells}</table:table-row>"))
    .concat();
    let urn = "urn:oasis:names:tc:opendocument:xmlns";
    let content = format!(
        "<office:document-content xmlns:office=\"{urn}:office:1.0\" xmlns:table=\"{urn}:table:1.0\" xmlns:text=\"{urn}:text:1.0\">\
         <office:body><office:spreadsheet><table:table table:name=\"S\">{rows}</table:table></office:spreadsheet></office:body>\
         </office:document-content>"
    );
    let mimetype = "application/vnd.oasis.opendocument.spreadsheet".to_owned();
    let manifest =
        "<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>".to_owned();
    let bytes = zip(&[
        ("mimetype", mimetype),
        ("META-INF/manifest.xml", manifest),
        ("content.xml", content),
    ]);
    let outcome = case().land(&bytes);
    assert_eq!(outcome.columns, ["id", "day", "text"]);
    assert_eq!(outcome.shown(), ["7|2024-05-06|您好"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn damaged_bytes_never_panic(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let rows = row(1, &[text("A1", "a")]) + &row(2, &[number("A2", 0, "1")]);
        let mut bytes = xlsx(&[("S", &rows)]);
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _ = case().try_land(&bytes);
    }
}
