//! A tiny blocking HTTP/1.1 client: one request a connection.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(30);

/// What a server answered.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    /// Insists on a status.
    #[track_caller]
    pub fn with_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }
}

/// A request: method, path, further headers, body.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

impl Ask<'_> {
    /// Sends it and reads the answer.
    ///
    /// # Errors
    /// When the connection fails or what comes back is no HTTP answer.
    pub fn send(&self, address: SocketAddr) -> io::Result<Reply> {
        let mut stream = connect(address)?;
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n",
            self.method, self.path
        );
        if !self.body.is_empty() || self.method == "POST" {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        self.headers
            .iter()
            .for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
        head.push_str("\r\n");
        stream.write_all(head.as_bytes())?;
        // A server that refuses a body may close before all of it is sent; its answer is there all the same.
        let _sent = stream.write_all(self.body);
        read_reply(&mut stream)
    }
}

/// GET of a path.
pub fn get(address: SocketAddr, path: &str) -> io::Result<Reply> {
    Ask {
        method: "GET",
        path,
        headers: &[],
        body: b"",
    }
    .send(address)
}

/// POST of a JSON body.
pub fn post(address: SocketAddr, path: &str, body: &[u8]) -> io::Result<Reply> {
    Ask {
        method: "POST",
        path,
        headers: &[("content-type", "application/json")],
        body,
    }
    .send(address)
}

/// A connection with timeouts.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads one answer up to the end of the connection.
pub fn read_reply(stream: &mut TcpStream) -> io::Result<Reply> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("no HTTP answer: {}", String::from_utf8_lossy(&bytes)),
        )
    })
}

fn parse(bytes: &[u8]) -> Option<Reply> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let header = |line: &str| {
        line.split_once(':')
            .map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
    };
    let headers = lines.map(header).collect::<Option<Vec<_>>>()?;
    let mut reply = Reply {
        status,
        headers,
        body: String::new(),
    };
    let rest = &bytes[end + 4..];
    let body = if reply.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
        unchunk(rest)?
    } else {
        let length = reply.header("content-length").parse().unwrap_or(rest.len());
        rest.get(..length)?.to_vec()
    };
    reply.body = String::from_utf8(body).ok()?;
    Some(reply)
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(line + 2..line + 2 + size)?);
        rest = rest.get(line + 2 + size + 2..)?;
    }
}

#[test]
fn both_forms_of_a_body_are_read() {
    let stated = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    assert_eq!((stated.status, stated.body.as_str()), (200, "hi"));
    let chunked =
        parse(b"HTTP/1.1 404 X\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n").unwrap();
    assert_eq!((chunked.status, chunked.body.as_str()), (404, "hi!"));
    assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi").is_none());
}
