//! The server with its socket: bounded connections, a look at the registry now and then, and a stop that lets accepted
//! requests finish.

use std::future::Future;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use deskmill_models::registry::Registry;
use tokio::io::{self, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, Sleep, sleep};

use crate::auth::Keys;
use crate::config::ServingConfig;
use crate::error::{Error, Result};
use crate::fallback::Ladders;
use crate::reload::Reloader;
use crate::{Serving, app};

/// Serves the models of `registry` until `stop` ends. `on_listening` is told the address as soon as connections are
/// accepted; models are loaded from then on, and `/readyz` says when they are there.
///
/// Faults of the program are logged by their place only from here on: the text of a panic could hold a customer's.
///
/// # Errors
/// When the settings make no sense, the address cannot be had, or accepting connections ends.
pub async fn run(
    registry: Registry,
    config: ServingConfig,
    on_listening: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    config.check()?;
    let keys = config.keys.as_deref().map(Keys::read).transpose()?;
    let ladders = config.ladders.as_deref().map(Ladders::read).transpose()?;
    log_panics_by_place();
    let listener = BoundedListener::bind(&config).await?;
    let address = listener.local_addr().map_err(|source| Error::Listen {
        address: config.listen,
        source,
    })?;
    let grace = Duration::from_millis(config.stop_grace_ms);
    let mut serving = Serving::new(config);
    if let Some(keys) = keys {
        serving = serving.with_keys(keys);
    }
    if let Some(ladders) = ladders {
        serving = serving.with_ladders(ladders);
    }
    let serving = Arc::new(serving);
    let watcher = tokio::spawn(Reloader::new(registry, Arc::clone(&serving)).watch());
    on_listening(address);

    let (stopping, stopped) = oneshot::channel();
    let router = app(Arc::clone(&serving));
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        stop.await;
        serving.stop();
        tracing::info!("stopping");
        let _heard = stopping.send(());
    });
    let out_of_time = async {
        // The sender lives in the server's future, so an error means that this end of the race is over anyway.
        let _told = stopped.await;
        sleep(grace).await;
    };
    let ended = tokio::select! {
        ended = server.into_future() => ended.map_err(|source| Error::Serve { address, source }),
        () = out_of_time => {
            tracing::warn!(grace_ms = grace.as_millis() as u64, "stopped with requests unanswered");
            Ok(())
        }
    };
    watcher.abort();
    ended
}

/// Ends at SIGTERM or SIGINT. They are caught from the call on, not from the first poll on.
///
/// # Errors
/// When the system does not let us catch them.
pub fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static> {
    let catch = |kind| signal(kind).map_err(|source| Error::Signal { source });
    let (mut terminate, mut interrupt) = (catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn log_panics_by_place() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a fault of the program (panic)");
    }));
}

/// Accepts so many connections at once and no more; the others wait in the system's queue.
struct BoundedListener {
    listener: TcpListener,
    slots: Arc<Semaphore>,
    idle_max: Duration,
}

impl BoundedListener {
    async fn bind(config: &ServingConfig) -> Result<Self> {
        let address = config.listen;
        let listener = TcpListener::bind(address)
            .await
            .map_err(|source| Error::Listen { address, source })?;
        let slots = Arc::new(Semaphore::new(config.connections_max));
        Ok(Self {
            listener,
            slots,
            idle_max: Duration::from_millis(config.idle_max_ms),
        })
    }
}

impl Listener for BoundedListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // The semaphore is never closed; without a slot there would be no bound, so there is no connection either.
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            std::future::pending().await
        };
        let (stream, address) = Listener::accept(&mut self.listener).await;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was not set");
        }
        let idle = Box::pin(sleep(self.idle_max));
        (
            Connection {
                stream,
                idle_max: self.idle_max,
                idle,
                _slot: slot,
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that gives its slot back when nothing moved on it for a while.
struct Connection {
    stream: TcpStream,
    idle_max: Duration,
    idle: Pin<Box<Sleep>>,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    /// Passes on what moved, and ends the connection when nothing did for too long.
    fn moved<T>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.idle.as_mut().reset(Instant::now() + self.idle_max);
            return progress;
        }
        ready!(self.idle.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.moved(cx, read)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.moved(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.moved(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
