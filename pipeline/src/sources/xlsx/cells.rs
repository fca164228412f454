//! The cells of a sheet, row by row, and their text. xlsx and xlsb are read cell by cell; a cell far out makes nothing
//! grow. xls and ods come as whole sheets, whose size their formats and the library bound.

use calamine::{Data, DataRef, Error, ExcelDateTime, Range, Reader as _, Sheets};

use super::{Bytes, Row};

/// The rows of a sheet.
pub(super) enum Cells<'a> {
    Stream(Stream<'a>),
    Range { range: Range<Data>, next: usize },
}

/// A cell: row and column from 0, and its value.
type Cell = ((u32, u32), Data);

impl<'a> Cells<'a> {
    pub(super) fn open(workbook: &'a mut Sheets<Bytes>, sheet: &str) -> Result<Self, Error> {
        let cell = |cell: &calamine::Cell<DataRef<'_>>| (cell.get_position(), Data::from(cell.get_value().clone()));
        let next: Box<dyn FnMut() -> Result<Option<Cell>, Error> + 'a> = match workbook {
            Sheets::Xlsx(xlsx) => {
                let mut reader = xlsx.worksheet_cells_reader(sheet)?;
                Box::new(move || Ok(reader.next_cell()?.as_ref().map(cell)))
            }
            Sheets::Xlsb(xlsb) => {
                let mut reader = xlsb.worksheet_cells_reader(sheet)?;
                Box::new(move || Ok(reader.next_cell()?.as_ref().map(cell)))
            }
            other => {
                let range = other.worksheet_range(sheet)?;
                return Ok(Cells::Range { range, next: 0 });
            }
        };
        Ok(Cells::Stream(Stream {
            next,
            ahead: None,
            is_over: false,
        }))
    }

    /// The next row with anything in it; none at the end of the sheet.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, Error> {
        match self {
            Cells::Stream(stream) => stream.next_row(),
            Cells::Range { range, next } => Ok(row_of(range, next)),
        }
    }
}

fn row_of(range: &Range<Data>, next: &mut usize) -> Option<Row> {
    let (first_row, first_column) = range.start()?;
    while *next < range.height() {
        let index = *next;
        *next += 1;
        let cells = (0..range.width()).map(|column| range.get((index, column)).cloned().unwrap_or_default());
        let mut cells: Vec<Data> = std::iter::repeat_n(Data::Empty, first_column as usize)
            .chain(cells)
            .collect();
        if trim(&mut cells) {
            return Some(Row {
                number: i64::from(first_row) + index as i64 + 1,
                cells,
            });
        }
    }
    None
}

/// Drops empty cells at the end; whether there are others.
fn trim(cells: &mut Vec<Data>) -> bool {
    let filled = cells
        .iter()
        .rposition(|cell| show(cell).is_some())
        .map_or(0, |last| last + 1);
    cells.truncate(filled);
    filled > 0
}

/// Cells in the order of their file.
pub(super) struct Stream<'a> {
    next: Box<dyn FnMut() -> Result<Option<Cell>, Error> + 'a>,
    /// The first cell of the next row.
    ahead: Option<Cell>,
    is_over: bool,
}

impl Stream<'_> {
    /// The reader itself fails when it is asked behind its end.
    fn next_cell(&mut self) -> Result<Option<Cell>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let cell = (self.next)()?;
        self.is_over = cell.is_none();
        Ok(cell)
    }

    fn next_row(&mut self) -> Result<Option<Row>, Error> {
        loop {
            let first = match self.ahead.take() {
                Some(cell) => Some(cell),
                None => self.next_cell()?,
            };
            let Some(((number, column), value)) = first else {
                return Ok(None);
            };
            let mut cells = Vec::new();
            put(&mut cells, column, value);
            while let Some(cell) = self.next_cell()? {
                let ((row, column), value) = cell;
                if row < number {
                    return Err(Error::Msg("its rows are not in order"));
                }
                if row > number {
                    self.ahead = Some(((row, column), value));
                    break;
                }
                put(&mut cells, column, value);
            }
            if trim(&mut cells) {
                return Ok(Some(Row {
                    number: i64::from(number) + 1,
                    cells,
                }));
            }
        }
    }
}

/// Columns are at most 16,384 in all of these formats; what a damaged file puts further out shows as too many.
fn put(cells: &mut Vec<Data>, column: u32, value: Data) {
    let column = column.min(1 << 14) as usize;
    if show(&value).is_some() {
        if cells.len() <= column {
            cells.resize(column + 1, Data::Empty);
        }
        cells[column] = value;
    }
}

/// A cell's text; none if it is empty.
pub(super) fn show(cell: &Data) -> Option<String> {
    Some(match cell {
        Data::Empty => return None,
        Data::String(text) if text.is_empty() => return None,
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        // Sixteen digits and more are shown without an exponent; Excel itself knows fifteen.
        Data::Float(number) => number.to_string(),
        Data::Bool(truth) => truth.to_string(),
        Data::DateTime(time) => show_time(time),
        Data::Error(error) => error.to_string(),
    })
}

/// Dates, times of a day and both are one type in Excel, a number of days, told apart by what is there of each.
fn show_time(time: &ExcelDateTime) -> String {
    let days = time.as_f64();
    if time.is_duration() {
        return show_duration(days);
    }
    if !(0.0..2_958_466.0).contains(&days) {
        return days.to_string();
    }
    let (year, month, day, hours, minutes, seconds, millis) = time.to_ymd_hms_milli();
    let clock = match millis {
        0 => format!("{hours:02}:{minutes:02}:{seconds:02}"),
        _ => format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}"),
    };
    let is_midnight = (hours, minutes, seconds, millis) == (0, 0, 0, 0);
    match days {
        days if days < 1.0 => clock,
        _ if is_midnight => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}T{clock}"),
    }
}

/// `PT26H3M4.5S` (ISO 8601), to the millisecond.
fn show_duration(days: f64) -> String {
    let millis = (days * 86_400_000.0).round() as i64;
    let sign = if millis < 0 { "-" } else { "" };
    let millis = millis.unsigned_abs();
    let (hours, minutes) = (millis / 3_600_000, millis / 60_000 % 60);
    let (seconds, millis) = (millis / 1000 % 60, millis % 1000);
    match millis {
        0 => format!("{sign}PT{hours}H{minutes}M{seconds}S"),
        _ => format!("{sign}PT{hours}H{minutes}M{seconds}.{millis:03}S"),
    }
}
