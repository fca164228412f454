//! The whole product through its doors: the built binaries, their files and their HTTP. Nothing of deskmill is linked
//! here. Each test works in a scratch folder of its own and ends the processes it started.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod bad_input;
mod banking;
mod binaries;
mod command;
mod csv;
mod desk;
mod disk_full;
mod fetching;
mod gc;
mod hostile;
mod http;
mod kill;
mod layers;
mod lineage;
mod mixed;
mod parity;
mod personal;
mod profile;
mod rejects;
mod serve;
mod server;
mod stories;
mod up;
