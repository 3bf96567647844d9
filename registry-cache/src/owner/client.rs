//! A cache that another process owns, by way of its socket.
//!
//! Each call that is under way has a connection of its own; one that is done leaves it to the next. A call that is dropped takes
//! its connection with it, which tells the owner that nobody waits. There is no other way to cancel.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::timeout;

use super::channel::{Channel, Frame};
use super::protocol::{Call, Greeting, Hello, Images, Outcome, PROTOCOL, Reply, Settings};
use super::socket::{SocketPlace, process_of};
use crate::cache::{CacheOptions, Progress};
use crate::error::Error;
use crate::image::PackageImage;
use crate::limits::Limits;
use crate::shared::locked;

/// The owner of a cache, as who uses it sees it.
#[derive(Debug)]
pub(crate) struct Client {
    place: SocketPlace,
    settings: Settings,
    limits: Limits,
    folder: PathBuf,
    /// The owner's number.
    pid: Option<u32>,
    idle: Mutex<Vec<Channel>>,
}

/// Why a call has no outcome.
enum Failure {
    /// The call's own error, or one that another attempt would not change.
    Told(Box<Error>),
    /// The connection ended.
    Gone,
}

impl Client {
    /// Connects to the owner of a cache; none when nobody answers there.
    pub(crate) async fn connect(options: &CacheOptions) -> Result<Option<Self>, Error> {
        let Some(folder) = &options.owner.folder else { return Ok(None) };
        let Some(place) = SocketPlace::find(folder, &options.folder)? else { return Ok(None) };
        let mut client = Self {
            place,
            settings: Settings::of(options),
            limits: options.limits.clone(),
            folder: options.folder.clone(),
            pid: None,
            idle: Mutex::default(),
        };
        let Some(channel) = client.introduce().await? else { return Ok(None) };
        client.pid = process_of(channel.stream());
        locked(&client.idle).push(channel);
        Ok(Some(client))
    }

    /// A connection whose other end has agreed to talk; none when there is no other end.
    async fn introduce(&self) -> Result<Option<Channel>, Error> {
        let Some(stream) = self.place.connect().await? else { return Ok(None) };
        let pid = process_of(&stream);
        let mut channel = Channel::new(stream, &self.limits);
        let hello = Hello { protocol: PROTOCOL, settings: self.settings.clone() };
        let greeting = async {
            channel.send(&hello, &[]).await?;
            channel.receive().await
        };
        let wait = self.limits.owner_message_wait;
        let frame = match timeout(wait, greeting).await {
            Ok(Ok(Some(frame))) => frame,
            // It was about to end.
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(error)) if has_ended(&error) => return Ok(None),
            Ok(Err(error)) => return Err(self.confused(&error)),
            Err(_) => return Err(Error::OwnerSilent { pid, folder: self.folder.clone(), waited: wait }),
        };
        let greeting: Greeting = frame.read().map_err(|error| self.confused(&error))?;
        let folder = self.folder.clone();
        if greeting.protocol != PROTOCOL {
            return Err(Error::OwnerVersion { pid, folder, theirs: greeting.protocol, ours: PROTOCOL });
        }
        match greeting.differs.is_empty() {
            true => Ok(Some(channel)),
            false => Err(Error::OwnerSettings { pid, folder, differs: greeting.differs }),
        }
    }

    /// Has the owner perform a call. Fails with [`Error::OwnerGone`] when it is gone before it has answered.
    pub(crate) async fn call(&self, call: &Call, bytes: &[u8], progress: &dyn Progress) -> Result<Outcome, Error> {
        // One that was left by an earlier call may have been closed since.
        let left = locked(&self.idle).pop();
        if let Some(channel) = left
            && let Some(outcome) = self.talk(channel, call, bytes, progress).await?
        {
            return Ok(outcome);
        }
        let gone = || Error::OwnerGone { pid: self.pid, folder: self.folder.clone() };
        let channel = self.introduce().await?.ok_or_else(gone)?;
        self.talk(channel, call, bytes, progress).await?.ok_or_else(gone)
    }

    /// None when the connection ended.
    async fn talk(
        &self,
        mut channel: Channel,
        call: &Call,
        bytes: &[u8],
        progress: &dyn Progress,
    ) -> Result<Option<Outcome>, Error> {
        match self.converse(&mut channel, call, bytes, progress).await {
            Ok(outcome) => {
                locked(&self.idle).push(channel);
                Ok(Some(outcome))
            }
            Err(Failure::Told(error)) => Err(*error),
            Err(Failure::Gone) => Ok(None),
        }
    }

    async fn converse(
        &self,
        channel: &mut Channel,
        call: &Call,
        bytes: &[u8],
        progress: &dyn Progress,
    ) -> Result<Outcome, Failure> {
        self.heard(channel.send(call, bytes)).await?;
        let mut images = Vec::new();
        loop {
            let Some(frame) = self.heard(channel.receive()).await? else { return Err(Failure::Gone) };
            match frame.read().map_err(|error| told(self.confused(&error)))? {
                Reply::Working => {}
                Reply::Resolving { name } => progress.resolving(&name),
                Reply::Fetching { package, done, total } => progress.fetching(&package, done, total),
                Reply::Images { ids } => images.extend(self.received(ids, frame)?),
                Reply::Done { value } => return Ok(Outcome::new(value, frame.bytes, images)),
                Reply::Failed { error } => return Err(Failure::Told(error)),
            }
        }
    }

    fn received(&self, ids: Vec<Vec<String>>, frame: Frame) -> Result<Images, Failure> {
        if ids.len() != frame.descriptors.len() {
            let detail = format!("{} images for {} descriptors", ids.len(), frame.descriptors.len());
            return Err(told(self.nonsense(detail)));
        }
        let image = |(ids, descriptor)| Ok((ids, Arc::new(PackageImage::received(descriptor).map_err(told)?)));
        ids.into_iter().zip(frame.descriptors).map(image).collect()
    }

    /// What came of sending or receiving, in the time that an owner may be silent.
    async fn heard<T>(&self, exchange: impl Future<Output = io::Result<T>>) -> Result<T, Failure> {
        match timeout(self.limits.owner_silence, exchange).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if has_ended(&error) => Err(Failure::Gone),
            Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
                Err(told(self.silent(self.limits.owner_message_wait)))
            }
            Ok(Err(error)) => Err(told(self.confused(&error))),
            Err(_) => Err(told(self.silent(self.limits.owner_silence))),
        }
    }

    fn silent(&self, waited: Duration) -> Error {
        Error::OwnerSilent { pid: self.pid, folder: self.folder.clone(), waited }
    }

    fn confused(&self, error: &io::Error) -> Error {
        self.nonsense(error.to_string())
    }

    /// The owner said what it should not have.
    pub(crate) fn nonsense(&self, detail: String) -> Error {
        Error::OwnerProtocol { pid: self.pid, folder: self.folder.clone(), detail }
    }
}

fn told(error: Error) -> Failure {
    Failure::Told(Box::new(error))
}

fn has_ended(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | NotConnected | UnexpectedEof)
}
