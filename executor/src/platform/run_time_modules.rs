//! What a program loads while it runs, because no bundler could see it: `import()` of an expression, and what `require`
//! reaches. Found with Node's algorithm in the program's own files; TypeScript and native add-ons are refused by name.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use deno_core::url::Url;
use deno_error::JsErrorBox;
use node_resolver::errors::PackageJsonLoadError;
use node_resolver::{NodeResolution, NodeResolutionKind, PackageJsonResolver, PackageJsonResolverRc, ResolutionMode};

use super::file_system::Files;
use super::services::{Folders, InPackages, NodeServices};

/// How a file is loaded, by its name and its package.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Format {
    /// As an ES module.
    Module,
    /// As CommonJS.
    CommonJs,
    /// As CommonJS, or as an ES module where its text is one: its package does not say.
    Either,
    /// As JSON.
    Json,
    /// As WebAssembly.
    Wasm,
}

/// A file that was loaded.
#[allow(dead_code, reason = "the build script loads no programs")]
pub(crate) struct Loaded {
    /// How.
    pub(crate) format: Format,
    /// Its bytes.
    pub(crate) bytes: Cow<'static, [u8]>,
}

/// Why something cannot be loaded, with one of Node's codes.
#[derive(Debug, deno_error::JsError)]
#[class(generic)]
#[property("code" = self.code)]
struct NotLoaded {
    code: &'static str,
    message: String,
}

impl fmt::Display for NotLoaded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for NotLoaded {}

impl NotLoaded {
    fn boxed(code: &'static str, message: String) -> JsErrorBox {
        JsErrorBox::from_err(Self { code, message })
    }
}

/// Node's resolver over the program's files.
#[derive(Clone)]
pub(crate) struct RunTimeModules {
    files: Files,
    resolver: deno_node::NodeResolverRc<InPackages, Folders, Files>,
    package_json: PackageJsonResolverRc<Files>,
}

impl RunTimeModules {
    pub(super) fn new(files: Files, services: &NodeServices) -> Self {
        let (resolver, package_json) = (services.node_resolver.clone(), services.pkg_json_resolver.clone());
        Self { files, resolver, package_json }
    }
}

#[allow(dead_code, reason = "the build script loads no programs")]
impl RunTimeModules {
    /// Where an `import` in the module `referrer` leads: a `file:` URL, or one of Node's own modules.
    pub(crate) fn resolve(&self, specifier: &str, referrer: &Url) -> Result<Url, JsErrorBox> {
        // What is not found here the engine looks for among the platform's own sources, so these are found: where nothing
        // is.
        if specifier.starts_with("ext:") {
            return Url::parse(&format!("unknown:{specifier}")).map_err(JsErrorBox::from_err);
        }
        let resolved =
            self.resolver.resolve(specifier, referrer, ResolutionMode::Import, NodeResolutionKind::Execution);
        let absent = |text: String| {
            let message = format!("{}: it is not in this program's files", text.trim_end_matches('.'));
            NotLoaded::boxed("ERR_MODULE_NOT_FOUND", message)
        };
        match resolved {
            Ok(NodeResolution::BuiltIn(name)) => {
                let name = name.strip_prefix("node:").unwrap_or(&name);
                Url::parse(&format!("node:{name}")).map_err(JsErrorBox::from_err)
            }
            Ok(NodeResolution::Module(found)) => found.into_url().map_err(JsErrorBox::from_err),
            Err(error) => match error.maybe_code().map(|code| code.as_str()) {
                Some("ERR_MODULE_NOT_FOUND") => Err(absent(error.to_string())),
                _ => Err(JsErrorBox::from_err(error)),
            },
        }
    }

    /// Loads a file for `import`.
    pub(crate) fn load(&self, url: &Url) -> Result<Loaded, JsErrorBox> {
        let path = path_of(url)?;
        let format = format_of(&self.package_json, url).map_err(JsErrorBox::from_err)?;
        let bytes = match format {
            Format::Module | Format::CommonJs | Format::Either => match source_text(&self.files, &path)? {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
            Format::Json | Format::Wasm => read(&self.files, &path)?,
        };
        Ok(Loaded { format, bytes })
    }
}

fn path_of(url: &Url) -> Result<PathBuf, JsErrorBox> {
    url.to_file_path().map_err(|()| {
        NotLoaded::boxed("ERR_UNSUPPORTED_ESM_URL_SCHEME", format!("cannot import {url}: only files can be imported"))
    })
}

fn read(files: &Files, path: &Path) -> Result<Cow<'static, [u8]>, JsErrorBox> {
    files.read(path).map_err(|error| match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) => NotLoaded::boxed(
            "ERR_MODULE_NOT_FOUND",
            format!("cannot find module {}: it is not in this program's files", path.display()),
        ),
        Some(libc::EISDIR) => NotLoaded::boxed(
            "ERR_UNSUPPORTED_DIR_IMPORT",
            format!("{} is a folder, and folders cannot be imported", path.display()),
        ),
        _ => JsErrorBox::from_err(error),
    })
}

/// The text of a file that is to be run.
pub(super) fn source_text(files: &Files, path: &Path) -> Result<Cow<'static, str>, JsErrorBox> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    if let Some("ts" | "tsx" | "mts" | "cts") = extension {
        let message = format!(
            "{} is TypeScript, which cannot be loaded at run time: import it with a literal path, so that it is bundled",
            path.display()
        );
        return Err(NotLoaded::boxed("ERR_UNKNOWN_FILE_EXTENSION", message));
    }
    if extension == Some("node") {
        return Err(native_add_on(&path.to_string_lossy()));
    }
    Ok(match read(files, path)? {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
    })
}

/// A `.node` file is machine code for the operating system.
pub(super) fn native_add_on(path: &str) -> JsErrorBox {
    let message = format!(
        "{} holds a native add-on ({path}), and a run cannot load machine code: use a package in JavaScript or WebAssembly instead",
        package_of(path)
    );
    NotLoaded::boxed("ERR_DLOPEN_FAILED", message)
}

/// The name of the package that a path is in.
fn package_of(path: &str) -> String {
    let Some((_, below)) = path.rsplit_once("/node_modules/") else { return "the program".to_owned() };
    let parts = if below.starts_with('@') { 2 } else { 1 };
    format!("the package {}", below.split('/').take(parts).collect::<Vec<_>>().join("/"))
}

/// How Node loads a file (Node's documentation, "Determining module system").
pub(super) fn format_of(package_json: &PackageJsonResolver<Files>, url: &Url) -> Result<Format, PackageJsonLoadError> {
    let path = url.path();
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("mjs") => return Ok(Format::Module),
        Some("cjs" | "node") => return Ok(Format::CommonJs),
        Some("json") => return Ok(Format::Json),
        Some("wasm") => return Ok(Format::Wasm),
        Some(_) | None => {}
    }
    let Ok(path) = url.to_file_path() else { return Ok(Format::Module) };
    let package = package_json.get_closest_package_json(&path)?;
    Ok(match package {
        Some(package) if package.typ == "module" => Format::Module,
        Some(package) if package.typ == "commonjs" => Format::CommonJs,
        Some(_) | None => Format::Either,
    })
}
