//! From a request to the modules that are run or written: scan, gather requirements, resolve, fetch, bundle.
//!
//! A program that is run is linked to the dependency layer of its packages, which is bundled once and kept; a program that
//! cannot be, and one that is written, is bundled as a whole, and that bundle is kept too. What is kept needs no packages
//! to be fetched. A request that imports no package never touches the cache.

use std::collections::BTreeMap;
use std::sync::Arc;

use bundler::{
    Bundle, BundleOptions, Layer, LayerImport, LayerInterface, LayerPlan, Linked, Scan, Worker, bundle_key, layer_key,
};
use executor::FileTree;
use registry_cache::{Ahead, Graph, Lock, Tree};

use crate::cache_access::Lease;
use crate::error::Error;
use crate::files::OwnFiles;
use crate::given_lock::GivenLock;
use crate::layers::{KnownLayer, Layers};
use crate::pipeline::{Pipeline, Request};
use crate::requirements::{Requirements, gather};
use crate::trace::{BundleFacts, Observer, Path, Stage, Trace};

/// What a request is built into.
pub(crate) struct Modules {
    /// The program, with everything in it unless there is a layer.
    pub(crate) main: Bundle,
    /// What the program is linked to.
    pub(crate) layer: Option<Arc<KnownLayer>>,
    /// What the program finds while it runs.
    pub(crate) files: FileTree,
}

impl Modules {
    /// Whether the program's code, or its packages', can look at files.
    pub(crate) fn need_files(&self) -> bool {
        self.main.needs_files || self.layer.as_ref().is_some_and(|layer| layer.needs_files())
    }
}

/// How a program is built.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// To be run, on a layer where it can be.
    Layered(BundleOptions),
    /// As one bundle.
    Whole(BundleOptions),
    /// As one bundle that is made anew and not kept, to compare it with what is.
    Compared(BundleOptions),
}

impl Way {
    fn options(&self) -> &BundleOptions {
        match self {
            Self::Layered(options) | Self::Whole(options) | Self::Compared(options) => options,
        }
    }
}

impl Pipeline {
    /// Builds a program.
    pub(crate) async fn build(
        &self,
        request: Request,
        way: &Way,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Modules, Error> {
        let Request { entry, files, data, dependencies, manifest, mut lock, unlisted } = request;
        let mut files = OwnFiles::new(files, data);
        let (mut worker, scan) = self.scan(&entry, way, &mut files, trace, observer).await?;
        let (built, tree) = if scan.imports.is_empty() {
            let (nothing, rewrites) = (Tree { mounts: Vec::new() }, BTreeMap::new());
            let bundle = worker.bundle(&nothing, &rewrites, way.options());
            ((trace.time(Stage::Bundle, observer, bundle).await?, None), nothing)
        } else {
            let (manifest, path) = manifest.read(&entry, &mut files, &dependencies)?;
            trace.warnings.extend(path.and_then(|path| lock.or_beside(&path, files.source())));
            let requirements = gather(dependencies.fallback(manifest), &scan.imports, unlisted)?;
            let asked = Asked { requirements, lock };
            self.build_with_packages(asked, way, worker, scan.plan, trace, observer).await?
        };
        let (main, layer) = built;
        let modules = Modules { main, layer, files: files.with_packages(&tree)? };
        trace.bundle = Some(BundleFacts::of(&modules));
        trace.warnings.extend(modules.main.warnings.iter().cloned());
        Ok(modules)
    }

    /// What a program asks for, without building it; `None` when it imports no package.
    pub(crate) async fn requirements(
        &self,
        request: Request,
        way: &Way,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Option<(Requirements, GivenLock)>, Error> {
        let Request { entry, files, data, dependencies, manifest, mut lock, unlisted } = request;
        let mut files = OwnFiles::new(files, data);
        let (_, scan) = self.scan(&entry, way, &mut files, trace, observer).await?;
        if scan.imports.is_empty() {
            return Ok(None);
        }
        let (manifest, path) = manifest.read(&entry, &mut files, &dependencies)?;
        trace.warnings.extend(path.and_then(|path| lock.or_beside(&path, files.source())));
        let requirements = gather(dependencies.fallback(manifest), &scan.imports, unlisted)?;
        Ok(Some((requirements, lock)))
    }

    async fn scan(
        &self,
        entry: &str,
        way: &Way,
        files: &mut OwnFiles,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<(Worker, Scan), Error> {
        let work = async {
            let mut worker = self.bundlers.take().await?;
            let scan = worker.scan(entry, way.options(), files).await?;
            Ok::<_, bundler::Error>((worker, scan))
        };
        trace.time(Stage::Scan, observer, work).await
    }

    async fn build_with_packages(
        &self,
        asked: Asked,
        way: &Way,
        worker: Worker,
        plan: LayerPlan,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<(Built, Tree), Error> {
        let Asked { mut requirements, lock } = asked;
        trace.warnings.append(&mut requirements.warnings);
        let lease = trace.time(Stage::Open, observer, self.cache.open()).await?;
        let built = async {
            let graph = resolve(&lease, &mut requirements, &lock, trace, observer).await?;
            let rewrites = requirements.rewrites();
            let layers = &self.layers;
            let mut build = Build { worker, lease: &lease, layers, graph, rewrites, tree: None };
            let built = match way {
                Way::Layered(options) => build.layered(plan, options, trace, observer).await?,
                Way::Whole(options) => build.whole(options, trace, observer).await?,
                Way::Compared(options) => build.bundle(options, trace, observer).await?,
            };
            // Most programs look at no file: for them nothing is fetched, once their modules are kept.
            let mut tree = Tree { mounts: Vec::new() };
            if needs_files(&built) {
                build.fetch(trace, observer).await?;
                tree = build.tree.unwrap_or(tree);
            }
            Ok((built, tree))
        };
        let built: Result<_, Error> = built.await;
        let released = lease.release().await;
        // The first error is the one to report.
        let built = built?;
        released?;
        Ok(built)
    }
}

/// What a program asks for, and what was found for it before.
struct Asked {
    requirements: Requirements,
    lock: GivenLock,
}

/// The program's module, and the layer that it is linked to.
type Built = (Bundle, Option<Arc<KnownLayer>>);

fn needs_files((main, layer): &Built) -> bool {
    main.needs_files || layer.as_ref().is_some_and(|layer| layer.needs_files())
}

async fn resolve(
    lease: &Lease,
    requirements: &mut Requirements,
    lock: &GivenLock,
    trace: &mut Trace,
    observer: &dyn Observer,
) -> Result<Graph, Error> {
    let resolution = lease.cache().resolve(lock.wanted(&requirements.manifest)?, Ahead::Packages, observer);
    let mut graph = trace.time_cached(Stage::Resolve, observer, resolution).await?;
    // Before aliases are merged: what comes back must have a package for each requirement.
    trace.lock = Some(Lock::new(graph.clone(), &requirements.manifest));
    requirements.merge_aliases(&mut graph);
    Ok(graph)
}

/// A program whose packages are known.
struct Build<'a> {
    worker: Worker,
    lease: &'a Lease,
    layers: &'a Layers,
    graph: Graph,
    rewrites: BTreeMap<String, String>,
    /// The packages' files, once something needed them.
    tree: Option<Tree>,
}

impl Build<'_> {
    /// Links the program to its layer, or bundles it as a whole and says why.
    async fn layered(
        &mut self,
        plan: LayerPlan,
        options: &BundleOptions,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Built, Error> {
        let reason = match plan {
            LayerPlan::Whole { reason } => reason,
            LayerPlan::Layer(imports) => match self.link(imports, options, trace, observer).await? {
                Ok(built) => {
                    trace.path = Some(Path::Layer);
                    return Ok(built);
                }
                Err(reason) => reason,
            },
        };
        let built = self.whole(options, trace, observer).await?;
        trace.path = Some(Path::Bundle { reason: Some(reason) });
        Ok(built)
    }

    /// The inner error is the reason why the program cannot be linked.
    async fn link(
        &mut self,
        imports: Vec<LayerImport>,
        options: &BundleOptions,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Result<Built, String>, Error> {
        let mut served: Vec<LayerImport> = Vec::new();
        let mut numbered = Vec::new();
        for import in imports {
            let specifier = self.rewrites.get(&import.specifier).unwrap_or(&import.specifier).clone();
            let resolved = LayerImport { specifier, kind: import.kind };
            let number = served.iter().position(|served| *served == resolved).unwrap_or_else(|| {
                served.push(resolved);
                served.len() - 1
            });
            numbered.push((import, number));
        }
        let layer = match self.layer(&served, &options.for_packages(), trace, observer).await {
            Ok(layer) => layer,
            // Reported as the program's own, when it is bundled as a whole.
            Err(Error::Bundler(bundler::Error::Bundle(errors))) => {
                return Ok(Err(errors.first().map_or_else(String::new, |error| error.message.clone())));
            }
            Err(error) => return Err(error),
        };
        let interface = LayerInterface { imports: numbered, exports: layer.exports.clone() };
        let linked = trace.time(Stage::Link, observer, self.worker.link(&interface, options)).await?;
        Ok(match linked {
            Linked::Module(main) => Ok((main, Some(layer))),
            Linked::Whole { reason } => Err(reason),
        })
    }

    async fn layer(
        &mut self,
        imports: &[LayerImport],
        options: &BundleOptions,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Arc<KnownLayer>, Error> {
        let key = layer_key(&self.graph.hash(), imports, options);
        if let Some(layer) = self.layers.get(&key) {
            return Ok(layer);
        }
        if let Some(layer) = self.kept(&key, Layer::from_bytes, trace, observer).await? {
            let layer = Arc::new(KnownLayer::new(layer));
            self.layers.keep(&key, layer.clone());
            return Ok(layer);
        }
        self.fetch(trace, observer).await?;
        let tree = self.tree.as_ref().expect("it was fetched");
        let layer = trace.time_made(Stage::Bundle, observer, self.worker.layer(tree, imports, options)).await?;
        self.lease.cache().keep_module(&key, layer.to_bytes()).await?;
        let layer = Arc::new(KnownLayer::new(layer));
        self.layers.keep(&key, layer.clone());
        Ok(layer)
    }

    /// The program with its packages, as it was bundled before or is now.
    async fn whole(
        &mut self,
        options: &BundleOptions,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Built, Error> {
        trace.path = Some(Path::Bundle { reason: None });
        let key = bundle_key(&self.graph.hash(), &self.worker.program_hash(), &self.rewrites, options);
        if let Some(main) = self.kept(&key, Bundle::from_bytes, trace, observer).await? {
            return Ok((main, None));
        }
        let built = self.bundle(options, trace, observer).await?;
        self.lease.cache().keep_module(&key, built.0.to_bytes()).await?;
        Ok(built)
    }

    async fn bundle(
        &mut self,
        options: &BundleOptions,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Built, Error> {
        trace.path = Some(Path::Bundle { reason: None });
        self.fetch(trace, observer).await?;
        let tree = self.tree.as_ref().expect("it was fetched");
        let bundle = self.worker.bundle(tree, &self.rewrites, options);
        Ok((trace.time_made(Stage::Bundle, observer, bundle).await?, None))
    }

    /// What was bundled before.
    async fn kept<T>(
        &self,
        key: &str,
        read: impl Fn(&[u8]) -> Option<T>,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Option<T>, Error> {
        let look = async { Ok(self.lease.cache().module(key).await?.and_then(|bytes| read(&bytes))) };
        trace.time_if(Stage::Bundle, observer, look).await
    }

    async fn fetch(&mut self, trace: &mut Trace, observer: &dyn Observer) -> Result<(), Error> {
        if self.tree.is_none() {
            let fetching = self.lease.cache().fetch(&self.graph, observer);
            let packages = trace.time_cached(Stage::Fetch, observer, fetching).await?;
            self.tree = Some(Tree::hoist(&self.graph, &packages)?);
        }
        Ok(())
    }
}
