//! Listeners and connections as values, so that a simulated network can stand in for sockets,
//! and so that a script can cut a connection at any byte.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use futures::future::BoxFuture;
use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;

/// A byte stream.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> ByteStream for T {}

/// Something that connections come from.
pub trait Acceptor: Send + 'static {
    /// Waits for the next connection. Cancel-safe.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn ByteStream>, SocketAddr)>>;

    /// Returns the address that clients connect to.
    ///
    /// # Errors
    /// Where the listener does not know it.
    fn local_addr(&self) -> io::Result<SocketAddr>;
}

impl Acceptor for TcpListener {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn ByteStream>, SocketAddr)>> {
        Box::pin(async {
            let (stream, peer) = TcpListener::accept(self).await?;
            // Small frames wait 40 ms for the peer's acknowledgement otherwise.
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as Box<dyn ByteStream>, peer))
        })
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        TcpListener::local_addr(self)
    }
}

/// Pause after a failed accept: the usual cause is a lack of descriptors, which passes.
const ACCEPT_RETRY: std::time::Duration = std::time::Duration::from_millis(100);

/// All open connections of a simulator, so that its end can cut what does not end by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<Weak<SwitchState>>>>);

impl Lines {
    fn add(&self, switch: &Switch) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Forgetting closed ones only when the list would grow keeps this cheap.
        if lines.len() == lines.capacity() {
            lines.retain(|line| line.strong_count() > 0);
        }
        lines.push(Arc::downgrade(&switch.0));
    }

    /// Cuts every open connection.
    pub fn cut_all(&self) {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for line in lines.iter().filter_map(Weak::upgrade) {
            Switch(line).cut();
        }
    }
}

/// An acceptor in the form that the HTTP server takes.
pub(crate) struct Listening {
    acceptor: Box<dyn Acceptor>,
    lines: Lines,
}

impl Listening {
    /// Wraps an acceptor; its connections are noted among the lines.
    pub fn new(acceptor: Box<dyn Acceptor>, lines: Lines) -> Self {
        Self { acceptor, lines }
    }
}

impl axum::serve::Listener for Listening {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        loop {
            match self.acceptor.accept().await {
                Ok((stream, peer)) => {
                    let switch = Switch::default();
                    self.lines.add(&switch);
                    return (Wire { stream, switch }, peer);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.acceptor.local_addr()
    }
}

/// Cuts one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switch(Arc<SwitchState>);

#[derive(Debug, Default)]
pub(crate) struct SwitchState {
    cut: AtomicBool,
    reader: AtomicWaker,
}

impl Switch {
    /// Cuts the connection: nothing more is read or written.
    pub fn cut(&self) {
        self.0.cut.store(true, Ordering::Release);
        self.0.reader.wake();
    }

    fn is_cut(&self) -> bool {
        self.0.cut.load(Ordering::Acquire)
    }
}

/// A connection with its switch.
pub(crate) struct Wire {
    stream: Box<dyn ByteStream>,
    switch: Switch,
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "cut by the simulator")
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.switch.0.reader.register(context.waker());
        if self.switch.is_cut() {
            return Poll::Ready(Err(gone()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.switch.is_cut() {
            return Poll::Ready(Err(gone()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.switch.is_cut() {
            return Poll::Ready(Err(gone()));
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Who is at the other end, and the switch of the connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub address: IpAddr,
    pub switch: Switch,
}

impl Connected<IncomingStream<'_, Listening>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listening>) -> Self {
        let address = stream.remote_addr().ip();
        Self {
            address,
            switch: stream.io().switch.clone(),
        }
    }
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            switch: Switch::default(),
        }
    }
}
