//! What `deno_node` wants of its embedder: a resolver, a reader of package.json files and a loader for `require`, all over
//! an empty file system in memory, and the permissions of guest code.

use std::borrow::Cow;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::FastString;
use deno_core::url::Url;
use deno_error::JsErrorBox;
use deno_node::{NodeExtInitServices, NodeRequireLoader};
use deno_permissions::{Permissions, PermissionsContainer, PermissionsOptions, RuntimePermissionDescriptorParser};
use deno_resolver::npm::{
    ByonmInNpmPackageChecker, ByonmNpmResolver, ByonmNpmResolverCreateOptions, DenoInNpmPackageChecker, NpmResolver,
};
use node_resolver::cache::NodeResolutionSys;
use node_resolver::errors::PackageJsonLoadError;
use node_resolver::{DenoIsBuiltInNodeModuleChecker, PackageJsonResolver, PackageJsonResolverRc};
use sys_traits::impls::InMemorySys;
use sys_traits::{FsCreateDirAll, FsRead};

type NodeServices = NodeExtInitServices<DenoInNpmPackageChecker, NpmResolver<InMemorySys>, InMemorySys>;

/// The program's folders.
const FOLDERS: [&str; 2] = ["/hoist", "/tmp"];

/// A system of which only the program's folders exist, and they are empty.
fn virtual_sys() -> InMemorySys {
    let sys = InMemorySys::default();
    for folder in FOLDERS {
        sys.fs_create_dir_all(folder).expect("a file system in memory takes folders");
    }
    sys
}

/// Node's resolver and loader over a file system that holds nothing.
pub(super) fn node() -> NodeServices {
    let sys = virtual_sys();
    let resolution = NodeResolutionSys::new(sys.clone(), None);
    let package_json: PackageJsonResolverRc<InMemorySys> =
        PackageJsonResolverRc::new(PackageJsonResolver::new(sys.clone(), None));
    let npm = NpmResolver::Byonm(deno_fs::sync::new_rc(ByonmNpmResolver::new(ByonmNpmResolverCreateOptions {
        root_node_modules_dir: None,
        search_stop_dir: None,
        sys: resolution.clone(),
        pkg_json_resolver: package_json.clone(),
    })));
    let resolver = deno_node::NodeResolver::new(
        DenoInNpmPackageChecker::Byonm(ByonmInNpmPackageChecker),
        DenoIsBuiltInNodeModuleChecker,
        npm,
        package_json.clone(),
        resolution,
        Default::default(),
    );
    NodeExtInitServices {
        node_require_loader: Rc::new(Loader(sys.clone())),
        node_resolver: deno_fs::sync::new_rc(resolver),
        pkg_json_resolver: package_json,
        sys,
    }
}

/// Access to the program's own virtual folders (which the file system keeps read-only), to its own environment, and to
/// nothing else.
pub(super) fn permissions() -> PermissionsContainer {
    let parser = Arc::new(RuntimePermissionDescriptorParser::new(virtual_sys()));
    let folders = FOLDERS.map(String::from).to_vec();
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
struct Loader(InMemorySys);

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
        let text = self.0.fs_read_to_string_lossy(path).map_err(JsErrorBox::from_err)?;
        Ok(text.into_owned().into())
    }

    fn is_maybe_cjs(&self, specifier: &Url) -> Result<bool, PackageJsonLoadError> {
        Ok(!specifier.path().ends_with(".mjs"))
    }

    fn is_maybe_cjs_from_require(&self, _specifier: &Url) -> Result<bool, PackageJsonLoadError> {
        Ok(true)
    }
}
