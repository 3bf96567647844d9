//! A registry for tests that answers byte by byte as it is told: what no proper HTTP server can be made to say.
//!
//! It speaks plain HTTP/1.1 or TLS, keeps connections open as registries do, and notes each request with the number of
//! its connection.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ServerConfig, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, crypto};

/// One part of an answer.
#[derive(Clone)]
pub(crate) enum Step {
    Send(Vec<u8>),
    /// Nothing for a while.
    Pause(Duration),
    /// These bytes one at a time, with this pause before each.
    Drip(Vec<u8>, Duration),
    /// Nothing, until the test releases all that wait.
    Wait,
    /// The connection ends in order.
    Close,
    /// The connection ends with a reset.
    Reset,
}

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) connection: usize,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct Book {
    scripts: Mutex<BTreeMap<String, VecDeque<Vec<Step>>>>,
    asked: Mutex<Vec<Asked>>,
    came: Notify,
    released: Notify,
}

pub(crate) struct FaultyRegistry {
    pub(crate) url: String,
    book: Arc<Book>,
    server: JoinHandle<()>,
}

/// A whole answer with its length.
pub(crate) fn answer(status: u16, headers: &str, body: &[u8]) -> Vec<Step> {
    vec![Step::Send([head(status, headers, body.len()).as_bytes(), body].concat())]
}

/// The head of an answer that announces this length; each further header ends with a line's end.
pub(crate) fn head(status: u16, headers: &str, length: usize) -> String {
    format!("HTTP/1.1 {status} Status\r\n{headers}content-length: {length}\r\n\r\n")
}

/// Where the certificates of the tests lie.
pub(crate) fn certificate(file: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/tls").join(file)
}

/// What a TLS server of the tests is set up with: these protocols, and whether clients must say who they are.
pub(crate) fn tls(protocols: &[&[u8]], clients: Clients) -> TlsAcceptor {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let chain = |file: &str| vec![CertificateDer::from_pem_file(certificate(file)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificate("server.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        Clients::Anybody => builder.with_no_client_auth(),
        Clients::Known => {
            let mut roots = RootCertStore::empty();
            roots.add(chain("authority.pem").remove(0)).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain("server.pem"), key).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// Whom a TLS server serves.
#[derive(Clone, Copy)]
pub(crate) enum Clients {
    Anybody,
    /// Those with a certificate of the tests' authority.
    Known,
}

impl FaultyRegistry {
    pub(crate) async fn start() -> Self {
        Self::serve("http", None).await
    }

    pub(crate) async fn start_tls(acceptor: TlsAcceptor) -> Self {
        Self::serve("https", Some(acceptor)).await
    }

    async fn serve(scheme: &str, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let book = Arc::new(Book::default());
        let server = tokio::spawn(accept(listener, book.clone(), acceptor));
        Self { url, book, server }
    }

    /// Answers a path in these ways, one after the other; the last one stays.
    pub(crate) fn script(&self, path: &str, answers: impl IntoIterator<Item = Vec<Step>>) {
        self.book.scripts.lock().unwrap().insert(path.to_owned(), answers.into_iter().collect());
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.book.asked.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.path == path).count()
    }

    /// Waits until so many requests came in all.
    pub(crate) async fn came(&self, count: usize) {
        loop {
            let came = self.book.came.notified();
            if self.asked().len() >= count {
                return;
            }
            came.await;
        }
    }

    /// Lets every answer go on that waits now.
    pub(crate) fn release(&self) {
        self.book.released.notify_waiters();
    }
}

impl Drop for FaultyRegistry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept(listener: TcpListener, book: Arc<Book>, acceptor: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    for number in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        let (book, acceptor) = (book.clone(), acceptor.clone());
        connections.spawn(async move {
            match acceptor {
                None => serve(stream, number, &book, |stream: &TcpStream| stream.set_zero_linger().unwrap()).await,
                // A client that does not trust us ends the handshake.
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => serve(stream, number, &book, |_| {}).await,
                    Err(_) => None,
                },
            }
        });
    }
}

/// One connection. None is its end.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    connection: usize,
    book: &Book,
    reset: impl Fn(&S),
) -> Option<()> {
    loop {
        let head = read_head(&mut stream).await?;
        let mut lines = head.lines();
        let path = lines.next()?.split(' ').nth(1)?.to_owned();
        let headers =
            lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        book.asked.lock().unwrap().push(Asked { connection, path: path.clone(), headers: headers.collect() });
        let released = book.released.notified();
        book.came.notify_waiters();
        tokio::pin!(released);
        for step in next_script(book, &path) {
            match step {
                Step::Send(bytes) => stream.write_all(&bytes).await.ok()?,
                Step::Pause(pause) => tokio::time::sleep(pause).await,
                Step::Drip(bytes, pause) => {
                    for byte in bytes {
                        tokio::time::sleep(pause).await;
                        stream.write_all(&[byte]).await.ok()?;
                    }
                }
                Step::Wait => released.as_mut().await,
                Step::Close => {
                    let _ = stream.shutdown().await;
                    return None;
                }
                Step::Reset => {
                    reset(&stream);
                    return None;
                }
            }
        }
    }
}

async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

fn next_script(book: &Book, path: &str) -> Vec<Step> {
    let mut scripts = book.scripts.lock().unwrap();
    match scripts.get_mut(path) {
        None => answer(404, "", b"{}"),
        Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
        Some(answers) => answers.front().cloned().unwrap(),
    }
}
