//! Files that are made to harm, read by the real binary in a process of bounded memory: a clear end, in time.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::binaries;
use crate::command::Process;
use crate::desk::Desk;

/// Address space of the process that reads, in KiB; far less than the largest of these files unpacks to.
const MEMORY_MAX_KIB: u64 = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes the hostile files into a folder. The bombs unpack to 12 GiB and more.
const FILES: &str = r#"
import gzip, io, sys, zipfile, zlib
folder = sys.argv[1]
def write(name, *parts):
    with open(f"{folder}/{name}", "wb") as file:
        for part in parts:
            file.write(part)
def bomb(mebibytes):
    out, packer, zeros = [], zlib.compressobj(6, zlib.DEFLATED, 31), b"0" * (1 << 20)
    for _ in range(mebibytes):
        out.append(packer.compress(zeros))
    return b"".join(out + [packer.flush()])
bombs = bomb(300) * 40
write("bomb.csv.gz", gzip.compress(bombs, 9))
with zipfile.ZipFile(f"{folder}/bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("bomb.csv.gz", bombs)
with zipfile.ZipFile(f"{folder}/out.zip", "w") as archive:
    archive.writestr("../../out.csv", "a,b\n1,2\n")
    archive.writestr("/etc/out.csv", "a,b\n1,2\n")
write("line.csv", b"a,b\n", b"x" * (100 << 20))
write("quote.csv", b"a,b\n1,\"", b"x,y\n" * (2 << 20))
write("wide.csv", b",".join(b"c%d" % n for n in range(100_000)), b"\n1\n")
write("nul.csv", b"a,b\n", b"\0" * (50 << 20))
write("deep.json", b"[" * (5 << 20))
write("deep.jsonl", b'{"a":' * (4 << 20))
write("deep.html", b"<div><b>" * (4 << 20))
write("deep.eml", b"From: a@x\n" + b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(100_000)))
sheet = '<!DOCTYPE x [<!ENTITY a0 "lol">' + "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 30)) + (
    ']><worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&a29;</t></is></c></row></sheetData></worksheet>')
with zipfile.ZipFile(f"{folder}/entities.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relation = lambda kind, target: ('<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{office}/{kind}" Target="{target}"/></Relationships>')
    book.writestr("_rels/.rels", relation("officeDocument", "xl/workbook.xml"))
    book.writestr("xl/workbook.xml", f'<workbook xmlns:r="{office}"><sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>')
    book.writestr("xl/_rels/workbook.xml.rels", relation("worksheet", "worksheets/sheet1.xml"))
    book.writestr("xl/worksheets/sheet1.xml", sheet)
"#;

/// File, format, and what must be said of it on either output; nothing where rows or rejects are as good as an error.
const HOSTILE: [(&str, &str, &str); 13] = [
    ("bomb.csv.gz", "csv", "unpacked_max_ratio"),
    ("bomb.zip", "csv", "unpacked_max_ratio"),
    ("out.zip", "csv", "no file is in the archive"),
    ("line.csv", "csv", ""),
    ("quote.csv", "csv", ""),
    ("wide.csv", "csv", "columns"),
    ("nul.csv", "csv", ""),
    ("deep.json", "json", ""),
    ("deep.jsonl", "jsonl", ""),
    ("deep.html", "html", ""),
    ("deep.eml", "mail", ""),
    ("entities.xlsx", "xlsx", ""),
    ("none.csv", "csv", "no file matches"),
];

#[test]
fn hostile_files_end_in_rows_rejects_or_one_error() {
    let desk = Desk::small("text\nx\n");
    let mut python = Command::new("python3");
    python.args(["-c", FILES]).arg(desk.file("raw"));
    Process::start(python, Vec::new()).end().ok();
    for (file, format, said) in HOSTILE {
        desk.write(
            "deskmill.toml",
            format!(
                "[project]\nname = \"hostile\"\n[limits]\nrejects_max_share = 1\n[sources.bad]\nformat = \"{format}\"\npath = \"raw/{file}\"\n"
            ),
        );
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -v \"$1\" && exec \"$2\" -C \"$3\" --json run", "sh"]);
        command
            .arg(MEMORY_MAX_KIB.to_string())
            .arg(binaries::deskmill())
            .arg(desk.path());
        let started = Instant::now();
        let ended = Process::start(command, Vec::new()).end();
        eprintln!(
            "{file}: code {:?} after {:.1} s",
            ended.code(),
            started.elapsed().as_secs_f64()
        );
        assert!(started.elapsed() < PATIENCE, "{file}: {:?}", started.elapsed());
        assert!(
            matches!(ended.code(), Some(0..=2)),
            "{file}: {:?}\n{}",
            ended.code(),
            ended.stderr
        );
        assert!(!ended.stderr.contains("panicked"), "{file}: {}", ended.stderr);
        assert!(
            ended.code() == Some(0) || ended.stderr.contains("hint"),
            "{file}: {}",
            ended.stderr
        );
        assert!(
            format!("{}{}", ended.stdout, ended.stderr).contains(said),
            "{file}: {}{}",
            ended.stdout,
            ended.stderr
        );
        assert_eq!(
            desk.files_ending("out.csv"),
            Vec::<String>::new(),
            "a member left its archive"
        );
    }
}
