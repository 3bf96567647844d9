//! Every bound of this crate, with its unit, its default and the reason for it.
//!
//! Nothing here is global: the structs are passed down from [`crate::CacheOptions`]. An error about a bound names the
//! field that raises it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Bounds on what registries and packages may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a packument, and a resolution made from them, is used without asking the registry again. Five minutes:
    /// a session of an agent resolves once, a new release is seen before anybody looks for it.
    pub packument_ttl: Duration,
    /// How long what is kept of a package is used when its registry cannot answer. A week: longer than an outage, shorter
    /// than anybody should go without a security release.
    pub packument_stale: Duration,
    /// How long one resolution does not ask a registry again for a packument that it could not give. Two seconds: who looks
    /// ahead and who needs the answer ask once.
    pub failure_pause: Duration,
    /// Bytes of packuments that stay in memory between requests, as parsed.
    pub packument_cache_bytes: u64,
    /// Bytes of one packument, unpacked. The largest ones known are some 30 MB in full form; we ask for the short one.
    pub packument_bytes: u64,
    /// Bytes of one tarball as sent. Native add-ons and type packages reach 80 MB.
    pub tarball_bytes: u64,
    /// Bytes of one tarball when unpacked, headers included.
    pub unpacked_bytes: u64,
    /// Members of one gzip file. npm's own has one, and block compressors make one of each 64 KiB.
    pub gzip_members: usize,
    /// Files in one package. Icon sets reach 40,000.
    pub package_files: usize,
    /// Bytes of one path inside a package.
    pub path_bytes: usize,
    /// Packages in one graph. A framework with its tools has some 1,500.
    pub graph_packages: usize,
    /// Bytes of a lock. npm's for a large application has some 2 MB; what comes with a request is bounded by its body too.
    pub lock_bytes: usize,
    /// Modules that are kept. With one more, those that were used least lately go: they can be made again.
    pub modules: usize,
    /// Packages that are fetched or unpacked at the same time.
    pub concurrent_packages: usize,
    /// Jobs that keep a processor busy (verify, unpack) at the same time.
    pub concurrent_unpacks: usize,
    /// Bytes of unpacked packages that stay in memory between requests.
    pub image_cache_bytes: u64,
    /// Folders inside folders in a tree; npm's layout of real graphs stays under 10.
    pub tree_depth: usize,
    /// Package folders in a tree.
    pub tree_folders: usize,
    /// Versions of one graph that are held back because they require one that is too young. Packages that are released
    /// together are some ten; each costs a resolution.
    pub age_rounds: usize,
    /// How long a registry's keys are used without asking again. A day: new ones are announced long before they sign, and
    /// one that is not known is asked for at once.
    pub keys_ttl: Duration,
    /// Bytes of a registry's keys. npm's own are a kilobyte.
    pub keys_bytes: u64,
    /// Bytes of all files of advisories. Everything that is known about npm's packages is some 300 MB.
    pub advisory_bytes: u64,
    /// Files of advisories in one folder.
    pub advisory_files: usize,
    /// How long opening waits for another process that holds the cache.
    pub lock_wait: Duration,
    /// Connections that the owner of a cache serves at the same time; more wait. 256: each command beside it has one for each
    /// call that it has under way.
    pub owner_connections: usize,
    /// Bytes of one message between the owner and a command, descriptors and modules left out. 64 MiB: the largest graph is
    /// some 5 MB.
    pub owner_message_bytes: usize,
    /// Bytes of one module between them. 256 MiB: a bundle and its map at their largest.
    pub owner_module_bytes: usize,
    /// How long the other side may take over one message once it has begun, and to greet. 10 s: it is on this machine.
    pub owner_message_wait: Duration,
    /// How often the owner says that it is still at work on a call.
    pub owner_beat: Duration,
    /// How long it may say nothing.
    pub owner_silence: Duration,
    /// How long a connection may be open without a call. A command that comes back later connects again.
    pub owner_idle: Duration,
    /// How long calls may go on after the owner was told to end. 10 s: what supervisors give before they kill.
    pub owner_drain: Duration,
    /// How long opening waits for the store itself, which frees its folder a moment after its owner is gone.
    pub store_wait: Duration,
    /// Bytes of pages that the store keeps in memory.
    pub store_cache_bytes: u64,
    /// Bytes that are kept when a long-lived owner tidies up. 20 GiB: some hundred thousand tarballs, and a part of a disk
    /// that nobody misses.
    pub store_bytes: u64,
    /// How often a long-lived owner tidies up. Ten minutes: a cache that is filled as fast as a network can is a few
    /// gigabytes over its limit then.
    pub collect_interval: Duration,
    /// How much later a use must be than the one that is written down to be written down too. An hour: less than it takes
    /// until anything is old enough to go.
    pub use_interval: Duration,
    /// Times of use that memory holds before they are written down. 16384: some megabytes.
    pub uses: usize,
    /// Bytes of a mirror's index. Some 300 bytes stand for each blob: this is enough for 200,000.
    pub mirror_index_bytes: u64,
    /// Bytes of everything in a mirror but tarballs, which memory holds at once while it is imported. A package's versions
    /// take a few kilobytes: this is enough for the packages of many frameworks.
    pub mirror_metadata_bytes: u64,
    /// Tarballs that are sent to npm clients at the same time, each of which memory holds as a whole.
    pub served_tarballs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packument_ttl: Duration::from_secs(5 * 60),
            packument_stale: Duration::from_secs(7 * 24 * 60 * 60),
            failure_pause: Duration::from_secs(2),
            packument_cache_bytes: 128 << 20,
            packument_bytes: 64 << 20,
            tarball_bytes: 128 << 20,
            unpacked_bytes: 512 << 20,
            gzip_members: 10_000,
            package_files: 100_000,
            path_bytes: 1024,
            graph_packages: 5_000,
            lock_bytes: 16 << 20,
            modules: 256,
            concurrent_packages: 16,
            concurrent_unpacks: 4,
            image_cache_bytes: 512 << 20,
            tree_depth: 32,
            tree_folders: 20_000,
            age_rounds: 32,
            keys_ttl: Duration::from_secs(24 * 60 * 60),
            keys_bytes: 1 << 20,
            advisory_bytes: 1 << 30,
            advisory_files: 500_000,
            lock_wait: Duration::from_secs(30),
            owner_connections: 256,
            owner_message_bytes: 64 << 20,
            owner_module_bytes: 256 << 20,
            owner_message_wait: Duration::from_secs(10),
            owner_beat: Duration::from_secs(2),
            owner_silence: Duration::from_secs(30),
            owner_idle: Duration::from_secs(5 * 60),
            owner_drain: Duration::from_secs(10),
            store_wait: Duration::from_secs(5),
            store_cache_bytes: 32 << 20,
            store_bytes: 20 << 30,
            collect_interval: Duration::from_secs(10 * 60),
            use_interval: Duration::from_secs(60 * 60),
            uses: 16_384,
            mirror_index_bytes: 64 << 20,
            mirror_metadata_bytes: 256 << 20,
            served_tarballs: 16,
        }
    }
}

/// How registries are spoken to.
#[derive(Clone)]
pub struct NetworkOptions {
    /// Proxy for `http:` registries, a URL.
    pub http_proxy: Option<String>,
    /// Proxy for `https:` registries, a URL.
    pub https_proxy: Option<String>,
    /// Hosts that are reached without a proxy, separated by commas.
    pub no_proxy: Option<String>,
    /// PEM files of certificate authorities that are trusted beside the system's.
    pub extra_authorities: Vec<PathBuf>,
    /// PEM texts of the only certificate authorities that are trusted; none: the system's.
    pub authorities: Option<Vec<String>>,
    /// The `User-Agent` of every request.
    pub user_agent: String,
    /// Requests in flight at the same time. 48: two registries at full speed.
    pub concurrent_requests: usize,
    /// Requests in flight at the same time to one host. 24: more make no registry faster, and some of them refuse.
    pub requests_per_host: usize,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a registry may be silent inside an answer.
    pub read_timeout: Duration,
    /// How long one attempt may take in all, however little comes at a time.
    pub request_timeout: Duration,
    /// Attempts for one request, the first included.
    pub attempts: u32,
    /// Pause before the second attempt; it doubles with each further one.
    pub retry_pause: Duration,
    /// The longest pause that we choose ourselves.
    pub retry_pause_most: Duration,
    /// The longest pause that a registry may ask for with `Retry-After`; one that asks for more is not asked again.
    pub retry_after_most: Duration,
    /// How long one request may take with all its attempts and pauses. Five minutes: npm's own `fetch-timeout`.
    pub retry_total: Duration,
    /// Redirects followed for one request.
    pub redirects: usize,
    /// Bytes of an `ETag` that is kept. Real ones have some 40.
    pub etag_bytes: usize,
}

impl fmt::Debug for NetworkOptions {
    /// The URL of a proxy may hold a password, so it is not shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NetworkOptions")
            .field("http_proxy", &self.http_proxy.is_some())
            .field("https_proxy", &self.https_proxy.is_some())
            .field("extra_authorities", &self.extra_authorities)
            .field("concurrent_requests", &self.concurrent_requests)
            .field("requests_per_host", &self.requests_per_host)
            .field("request_timeout", &self.request_timeout)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            http_proxy: None,
            https_proxy: None,
            no_proxy: None,
            extra_authorities: Vec::new(),
            authorities: None,
            user_agent: concat!("hoist/", env!("CARGO_PKG_VERSION")).to_owned(),
            concurrent_requests: 48,
            requests_per_host: 24,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(180),
            attempts: 4,
            retry_pause: Duration::from_millis(200),
            retry_pause_most: Duration::from_secs(10),
            retry_after_most: Duration::from_secs(60),
            retry_total: Duration::from_secs(300),
            redirects: 5,
            etag_bytes: 1024,
        }
    }
}
