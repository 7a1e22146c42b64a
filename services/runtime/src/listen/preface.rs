//! The first bytes of a connection: read under a deadline, judged, and handed on unread.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What every HTTP/2 client sends first.
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection's first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    Http2,
    /// Anything else; HTTP/1.1 if it is HTTP at all.
    Other,
}

/// Reads until the first bytes are HTTP/2's preface or can no longer be. An end of input within
/// them is an error.
pub(super) async fn read<I>(mut io: I) -> io::Result<(Spoken, Rewound<I>)>
where
    I: AsyncRead + Unpin,
{
    let mut first = [0; HTTP2_PREFACE.len()];
    let mut length = 0;
    loop {
        let read = io.read(&mut first[length..]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        length += read;
        let spoken = match HTTP2_PREFACE.starts_with(&first[..length]) {
            true if length < HTTP2_PREFACE.len() => continue,
            true => Spoken::Http2,
            false => Spoken::Other,
        };
        return Ok((
            spoken,
            Rewound {
                first,
                given: 0,
                length,
                io,
            },
        ));
    }
}

/// A connection whose first bytes come again.
pub(super) struct Rewound<I> {
    first: [u8; HTTP2_PREFACE.len()],
    given: usize,
    length: usize,
    io: I,
}

impl<I: AsyncRead + Unpin> AsyncRead for Rewound<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given < self.length {
            let until = self.length.min(self.given + buffer.remaining());
            buffer.put_slice(&self.first[self.given..until]);
            self.given = until;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_read(task, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Rewound<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(task)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(task, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
