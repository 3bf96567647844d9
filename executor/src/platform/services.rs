//! What `deno_node` wants of its embedder: a resolver, a reader of package.json files and a loader for `require`, all over
//! the run's own file system, and the permissions of guest code.

use std::borrow::Cow;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::FastString;
use deno_core::url::Url;
use deno_error::JsErrorBox;
use deno_node::{NodeExtInitServices, NodeRequireLoader};
use deno_permissions::{Permissions, PermissionsContainer, PermissionsOptions, RuntimePermissionDescriptorParser};
use deno_resolver::npm::{ByonmInNpmPackageChecker, ByonmNpmResolver, ByonmNpmResolverCreateOptions};
use node_resolver::cache::NodeResolutionSys;
use node_resolver::errors::PackageJsonLoadError;
use node_resolver::{
    DenoIsBuiltInNodeModuleChecker, NodeConditionOptions, NodeResolverOptions, PackageJsonResolver,
    PackageJsonResolverRc,
};

use super::file_system::{Files, ROOT, TEMPORARY};
use super::run_time_modules::{Format, format_of};

/// What is in a package: everything below a `node_modules`.
pub(super) type InPackages = ByonmInNpmPackageChecker;
/// Finds packages' folders as npm lays them out.
pub(super) type Folders = ByonmNpmResolver<Files>;
/// What the extension is given.
pub(super) type NodeServices = NodeExtInitServices<InPackages, Folders, Files>;

/// Node's conditions, as the bundler has them: a file that is loaded at run time is the one that would be bundled.
fn conditions() -> NodeResolverOptions {
    let conditions = |mode| Some(["node", mode].map(Cow::Borrowed).to_vec());
    NodeResolverOptions {
        conditions: NodeConditionOptions {
            import_conditions_override: conditions("import"),
            require_conditions_override: conditions("require"),
            ..Default::default()
        },
        ..Default::default()
    }
}

/// Node's resolver and loader over the program's files.
pub(super) fn node(files: &Files) -> NodeServices {
    let resolution = NodeResolutionSys::new(files.clone(), None);
    let package_json: PackageJsonResolverRc<Files> =
        PackageJsonResolverRc::new(PackageJsonResolver::new(files.clone(), None));
    let folders = ByonmNpmResolver::new(ByonmNpmResolverCreateOptions {
        root_node_modules_dir: None,
        search_stop_dir: None,
        sys: resolution.clone(),
        pkg_json_resolver: package_json.clone(),
    });
    let resolver = deno_node::NodeResolver::new(
        ByonmInNpmPackageChecker,
        DenoIsBuiltInNodeModuleChecker,
        folders,
        package_json.clone(),
        resolution,
        conditions(),
    );
    NodeExtInitServices {
        node_require_loader: Rc::new(Loader { files: files.clone(), package_json: package_json.clone() }),
        node_resolver: deno_fs::sync::new_rc(resolver),
        pkg_json_resolver: package_json,
        sys: files.clone(),
    }
}

/// Access to the program's own virtual folders (which the file system keeps read-only), to its own environment, and to
/// nothing else.
pub(super) fn permissions(files: Files) -> PermissionsContainer {
    let parser = Arc::new(RuntimePermissionDescriptorParser::new(files));
    let folders = [ROOT, TEMPORARY].map(String::from).to_vec();
    let options = PermissionsOptions {
        allow_env: Some(Vec::new()),
        allow_read: Some(folders.clone()),
        allow_sys: Some(vec!["umask".to_string()]),
        allow_write: Some(folders),
        // What is outside is not there, rather than forbidden: packages probe for files and expect to be told no.
        ignore_read: Some(Vec::new()),
        prompt: false,
        ..Default::default()
    };
    let permissions = Permissions::from_options(&*parser, &options).expect("two absolute paths are well formed");
    PermissionsContainer::new(parser, permissions)
}

/// Loads what `require` reaches at run time.
struct Loader {
    files: Files,
    package_json: PackageJsonResolverRc<Files>,
}

impl NodeRequireLoader for Loader {
    fn ensure_read_permission<'a>(
        &self,
        _permissions: &mut PermissionsContainer,
        path: Cow<'a, Path>,
    ) -> Result<Cow<'a, Path>, JsErrorBox> {
        // Whatever the path, the file system is ours.
        Ok(path)
    }

    fn load_text_file_lossy(&self, path: &Path) -> Result<FastString, JsErrorBox> {
        let text = super::run_time_modules::source_text(&self.files, path)?;
        Ok(text.into_owned().into())
    }

    fn is_maybe_cjs(&self, specifier: &Url) -> Result<bool, PackageJsonLoadError> {
        Ok(matches!(format_of(&self.package_json, specifier)?, Format::CommonJs | Format::Either))
    }

    fn is_maybe_cjs_from_require(&self, specifier: &Url) -> Result<bool, PackageJsonLoadError> {
        self.is_maybe_cjs(specifier)
    }
}
