//! Sheets of workbooks: xlsx, xlsb, xls and ods. The first row with anything in it names the columns; rows without
//! anything are not rows. Cells become text as a person would write it into a csv file: whole numbers without `.0`, dates
//! and times as in ISO 8601, the last value of a formula, the errors of formulas (`#N/A`) rejects of their row. Only the
//! first cell of merged ones has a value.

use std::io::Cursor;

use calamine::{Data, Ods, Reader as _, SheetType, Sheets, Xls, Xlsb, Xlsx, open_workbook_from_rs};
use zip::ZipArchive;

mod cells;

use cells::{Cells, show};

use super::LandRequest;
use super::columns::{COLUMNS_MAX, check_names, too_many};
use super::landing::{Fault, Landing};
use super::lines::Place;
use super::open::{WHOLE_MAX_BYTES, whole};
use crate::error::{Error, Result};

/// A workbook in memory.
type Bytes = Cursor<Vec<u8>>;
/// The signature of the container that xls is in (MS-CFB 2.2).
const CFB_SIGNATURE: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Reads a sheet; gives the numbers of rows and rejects. The workbook is held in memory, with its texts unpacked.
pub(super) fn land(request: &LandRequest<'_>, progress: &dyn Fn(u64)) -> Result<(u64, u64)> {
    let bytes = whole(request, WHOLE_MAX_BYTES, progress)?;
    if bytes.is_empty() {
        return Err(request.empty());
    }
    let mut workbook = open_workbook(request, bytes)?;
    let sheet = find_sheet(request, &workbook)?;
    let mut cells = Cells::open(&mut workbook, &sheet).map_err(|error| broken(request, &error))?;
    let mut next = || cells.next_row().map_err(|error| broken(request, &error));
    let Some(header) = next()? else {
        return Err(request.wrong(None, format!("sheet `{sheet}` is empty"), "name another in `sheet`"));
    };
    let names = read_names(request, &header)?;
    let mut landing = Landing::create(request, &names)?;
    while let Some(row) = next()? {
        land_row(request, &names, &row, &mut landing)?;
    }
    landing.close()
}

/// A row with anything in it.
struct Row {
    /// From 1, as the sheet shows it.
    number: i64,
    /// From the first column on, empty ones at the end left out.
    cells: Vec<Data>,
}

fn land_row(request: &LandRequest<'_>, names: &[String], row: &Row, landing: &mut Landing<'_>) -> Result<()> {
    let place = Place {
        line: row.number,
        offset: -1,
    };
    let texts: Vec<Option<String>> = row.cells.iter().map(show).collect();
    match fault(request, names, row, &texts) {
        Some(fault) => landing.reject(place, shown(names, &texts), fault),
        None => {
            let texts = texts.iter().map(Option::as_deref).chain(std::iter::repeat(None));
            landing.keep(place, texts.take(names.len()))
        }
    }
}

/// What is wrong with a row.
fn fault(request: &LandRequest<'_>, names: &[String], row: &Row, texts: &[Option<String>]) -> Option<Fault> {
    if texts.len() > names.len() {
        let hint = format!(
            "it has {} cells and the header {}; name the columns, or clear the cells to the right",
            texts.len(),
            names.len()
        );
        return Some(Fault::new("fields", hint));
    }
    for (name, (cell, text)) in names.iter().zip(row.cells.iter().zip(texts)) {
        let fault = match (cell, text) {
            (Data::Error(error), _) => Fault::new("cell", format!("the cell shows {error}; mend its formula")),
            (_, Some(text)) if text.contains('\0') => Fault::nul(),
            _ => continue,
        };
        return Some(Fault {
            column: Some(name.clone()),
            ..fault
        });
    }
    let row_bytes: usize = texts.iter().flatten().map(String::len).sum();
    let row_max_bytes = request.limits.row_max_bytes;
    (row_bytes > row_max_bytes).then(|| Fault::too_long(row_max_bytes))
}

/// A rejected row as one JSON object, for it has no bytes of its own; cells without a column are named by their number.
fn shown(names: &[String], texts: &[Option<String>]) -> Vec<u8> {
    let name = |index: usize| names.get(index).cloned().unwrap_or_else(|| format!("{}", index + 1));
    let values = texts
        .iter()
        .enumerate()
        .map(|(index, text)| (name(index), text.clone().into()));
    serde_json::Value::Object(values.collect()).to_string().into_bytes()
}

fn read_names(request: &LandRequest<'_>, header: &Row) -> Result<Vec<String>> {
    let line = Some(header.number);
    if header.cells.len() > COLUMNS_MAX {
        return Err(too_many(request, header.cells.len(), line));
    }
    let names: Vec<String> = header
        .cells
        .iter()
        .map(|cell| show(cell).unwrap_or_default().trim().to_owned())
        .collect();
    check_names(request, &names, line)?;
    Ok(names)
}

/// The sheet asked for, or the first that has cells.
fn find_sheet(request: &LandRequest<'_>, workbook: &Sheets<Bytes>) -> Result<String> {
    let sheets = workbook.sheets_metadata();
    let cells = sheets.iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names: Vec<&str> = cells.map(|sheet| sheet.name.as_str()).collect();
    let found = match &request.read.sheet {
        None => names.first(),
        Some(wanted) => names.iter().find(|name| *name == wanted),
    };
    if let Some(found) = found {
        return Ok((*found).to_owned());
    }
    let shown: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    let message = match &request.read.sheet {
        None => "there is no sheet in it".to_owned(),
        Some(wanted) => format!("there is no sheet `{wanted}` in it"),
    };
    Err(request.wrong(None, message, format!("its sheets are: {}", shown.join(", "))))
}

/// Opens a workbook by what it is, not by its name.
fn open_workbook(request: &LandRequest<'_>, bytes: Vec<u8>) -> Result<Sheets<Bytes>> {
    let error = |error: &dyn std::fmt::Display| broken(request, error);
    if bytes.starts_with(&CFB_SIGNATURE) {
        let xls: Xls<_> = open_workbook_from_rs(Cursor::new(bytes)).map_err(|wrong| error(&wrong))?;
        return Ok(Sheets::Xls(xls));
    }
    let (kind, bytes) = look_into(request, bytes)?;
    let bytes = Cursor::new(bytes);
    Ok(match kind {
        Kind::Xlsx => Sheets::Xlsx(open_workbook_from_rs::<Xlsx<_>, _>(bytes).map_err(|wrong| error(&wrong))?),
        Kind::Xlsb => Sheets::Xlsb(open_workbook_from_rs::<Xlsb<_>, _>(bytes).map_err(|wrong| error(&wrong))?),
        Kind::Ods => Sheets::Ods(open_workbook_from_rs::<Ods<_>, _>(bytes).map_err(|wrong| error(&wrong))?),
    })
}

/// What a zip archive holds.
#[derive(Clone, Copy)]
enum Kind {
    Xlsx,
    Xlsb,
    Ods,
}

/// Tells the kind by the members, and sees to it that they are no more than fits in memory, whatever the archive says of
/// them: each is unpacked once to nowhere.
fn look_into(request: &LandRequest<'_>, bytes: Vec<u8>) -> Result<(Kind, Vec<u8>)> {
    let error = |error: &dyn std::fmt::Display| broken(request, error);
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|wrong| error(&wrong))?;
    let kind = match () {
        () if archive.index_for_name("xl/workbook.bin").is_some() => Kind::Xlsb,
        () if archive.index_for_name("content.xml").is_some() => Kind::Ods,
        () => Kind::Xlsx,
    };
    let mut left_bytes = WHOLE_MAX_BYTES as u64;
    for index in 0..archive.len() {
        let member = archive.by_index(index).map_err(|wrong| error(&wrong))?;
        let mut member = std::io::Read::take(member, left_bytes + 1);
        let unpacked = std::io::copy(&mut member, &mut std::io::sink()).map_err(|wrong| error(&wrong))?;
        left_bytes = left_bytes.checked_sub(unpacked).ok_or_else(|| {
            let message = format!("it has more than {} MiB unpacked", WHOLE_MAX_BYTES >> 20);
            request.wrong(None, message, "split it, or save the sheet as csv")
        })?;
    }
    Ok((kind, archive.into_inner().into_inner()))
}

fn broken(request: &LandRequest<'_>, error: &dyn std::fmt::Display) -> Error {
    let hint = "save it again as xlsx, without a password, and check that it was copied to its end";
    request.wrong(None, format!("it cannot be read as a workbook: {error}"), hint)
}
