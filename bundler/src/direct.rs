//! Links a program of one plain file to its layer without the engine, whose every build costs more than such a file does.
//! Declines whatever needs more than types taken away and imports of packages read from the layer.

use crate::{
    bundle::Bundle,
    file_system::{ROOT, VirtualFiles},
    link::Link,
    options::{Minify, Purpose},
    own_paths,
    program::Program,
    reads,
    scan::ImportKind,
    source::Language,
    specifier::{self, Specifier},
    transform,
};

/// The linked program; `None` when it takes the engine, or when that has something to say.
pub(crate) fn link(program: &Program, link: &Link) -> Option<Bundle> {
    let path = program.entry();
    let scan = program.only_file()?;
    let options = program.options();
    let language = options.loaders.language(path);
    let is_plain = scan.has_module_syntax
        && scan.decorator.is_none()
        && matches!(language, Language::JavaScript | Language::TypeScript)
        && matches!((options.purpose, options.minify), (Purpose::Run, Minify::Off))
        && options.target.is_none()
        && options.banner.is_none();
    if !is_plain {
        return None;
    }
    let mut builtins = Vec::new();
    for import in &scan.imports {
        match specifier::parse(&import.specifier) {
            Specifier::Builtin(name) if import.kind != ImportKind::Require => builtins.push(name),
            Specifier::Package(_) if link.number(&import.specifier, import.kind).is_some() => {}
            _ => return None,
        }
    }
    builtins.sort();
    builtins.dedup();
    let absolute = format!("{ROOT}/{path}");
    let text = VirtualFiles::local(program.files().clone()).text(&absolute)?;
    let linked = link.rewrite(&text, &absolute);
    let (code, first) = match &linked {
        Some(linked) => (linked.code.as_str(), Some(&linked.map)),
        None => (text.as_str(), None),
    };
    if own_paths::is_of_interest(code) {
        return None;
    }
    let compiled = transform::compile(code, path, language, program).ok()?;
    let map = match first {
        None => compiled.map,
        Some(first) => transform::joined(&compiled.map, first),
    };
    Some(Bundle {
        code: compiled.code,
        source_map: transform::named(map, path, &text),
        needs_files: reads::can_read(&builtins),
        read_at_run_time: Vec::new(),
        builtins,
        warnings: Vec::new(),
        modules: Vec::new(),
        licenses: Vec::new(),
    })
}
