//! BANKING77, real questions of bank customers: from the public CSV to an HTTP answer with nothing but a project file
//! and two queries. Needs the data set, which is not part of the project.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::desk::Desk;
use crate::server::Server;

/// Where the data set is, if this machine has it.
fn data() -> Option<PathBuf> {
    let file = std::env::var_os("DESKMILL_DATA").map(|folder| Path::new(&folder).join("banking77/train.csv"));
    if let Some(file) = file.filter(|file| file.is_file()) {
        return Some(file);
    }
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "BANKING77 is missing\nhint: set DESKMILL_DATA to the folder that holds banking77/train.csv"
    );
    let skipped = "!! SKIPPED: BANKING77 is missing; set DESKMILL_DATA to the folder that holds banking77/train.csv";
    // Written past the capture of tests that pass: nobody is to take a skipped test for a passed one.
    let _unread = writeln!(std::io::stderr(), "{skipped}");
    None
}

#[test]
fn real_questions_go_from_csv_to_http() {
    let Some(data) = data() else { return };
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/banking77");
    let desk = Desk::small("");
    for file in ["deskmill.toml", "sql/questions.sql", "sql/intent_examples.sql"] {
        desk.write(
            file,
            std::fs::read(project.join(file)).expect("the project of the peers is there"),
        );
    }
    let path = data.canonicalize().expect("it is a file").display().to_string();
    desk.edit("deskmill.toml", "../../../../shared/data/banking77/train.csv", &path);

    let report = desk.run();
    let intent = &report["models"]["intent"];
    let accuracy = intent["measured"]["metrics"]["accuracy"]
        .as_f64()
        .expect("accuracy is measured");
    assert!(accuracy >= 0.88, "{intent}");
    assert_eq!(intent["published"]["serving"], 1, "{intent}");

    let server = Server::slim(&desk.file("registry"), &[]);
    assert_eq!(
        server.label("I still have not received my new card, it was sent weeks ago"),
        "card_arrival"
    );
    assert_eq!(server.label("What is your exchange rate for euros?"), "exchange_rate");
}
