//! Whether a program may be linked to a layer, and which imports that layer serves.
//!
//! A layer is evaluated before the program's own files. So a program is bundled as a whole when one of its files does
//! something that a package could notice before that package would have been loaded, and when it says something about an
//! import that a read of a namespace's property cannot say.

use std::collections::{BTreeMap, BTreeSet};

use oxc::{
    ast::{
        AstKind,
        ast::{
            Expression, ImportAttribute, ImportAttributeKey, ImportDeclaration, ImportDeclarationSpecifier,
            ImportOrExportKind, Program, Statement, TSModuleReference,
        },
    },
    semantic::Semantic,
    syntax::symbol::SymbolId,
};

use crate::{
    dialect::Dialect,
    layer::{LayerImport, LayerPlan},
    options::BundleOptions,
    own_paths, runtime,
    scan::{ImportKind, ModuleScan},
    specifier::{self, Specifier},
};

/// One of a program's own files.
pub(crate) struct PlannedFile<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    pub(crate) scan: &'a ModuleScan,
    /// The local files that its imports lead to, by where they are written.
    pub(crate) leads_to: &'a BTreeMap<usize, String>,
}

/// Plans for the program that starts at `entry`.
pub(crate) fn plan(entry: &str, files: &[PlannedFile<'_>], dialect: &Dialect, options: &BundleOptions) -> LayerPlan {
    if let Some(reason) = unlayered(options) {
        return LayerPlan::Whole { reason: reason.to_owned() };
    }
    let mut planner =
        Planner { files, dialect, seen: BTreeMap::new(), effects: Vec::new(), imports: BTreeSet::new(), acted: None };
    match planner.file(entry, true) {
        Ok(()) => planner.finish(),
        Err(reason) => LayerPlan::Whole { reason },
    }
}

/// Options that reach through user code and packages at once.
fn unlayered(options: &BundleOptions) -> Option<&'static str> {
    if !options.virtual_modules.is_empty() {
        return Some("virtual modules stand for what packages import");
    }
    if !options.define.is_empty() {
        return Some("names are defined");
    }
    None
}

struct Planner<'a> {
    files: &'a [PlannedFile<'a>],
    dialect: &'a Dialect,
    seen: BTreeMap<String, bool>,
    /// Imported for what they do: in this order, before all others.
    effects: Vec<String>,
    imports: BTreeSet<LayerImport>,
    /// The first file that did something a package could notice.
    acted: Option<String>,
}

impl Planner<'_> {
    /// Follows a file as it is evaluated: its imports in order, then itself. `at_start` files are evaluated when the
    /// program starts, the others when they are called for.
    fn file(&mut self, path: &str, at_start: bool) -> Result<(), String> {
        if self.seen.get(path).is_some_and(|seen| *seen || !at_start) {
            return Ok(());
        }
        self.seen.insert(path.to_owned(), at_start);
        let Some(file) = self.files.iter().find(|file| file.path == path) else { return Ok(()) };
        let facts = &file.scan.facts;
        if let Some(reason) = &facts.refusal {
            return Err(format!("{path} {reason}"));
        }
        if file.scan.decorator.is_some() && self.dialect.decorator_metadata {
            return Err(format!("{path} has decorators with metadata"));
        }
        if file.scan.jsx.is_some() && (file.scan.jsx_classic || self.dialect.jsx_classic) {
            return Err(format!("{path} has JSX that calls a function in scope"));
        }
        if own_paths::sees_loader(file.text, path) {
            // What it asks the loader for may be in the layer.
            let specifier = runtime::LOADER.to_owned();
            self.imports.insert(LayerImport { specifier, kind: ImportKind::Static });
        }
        for import in &file.scan.imports {
            if let Some(next) = file.leads_to.get(&import.offset) {
                self.file(next, at_start && import.kind == ImportKind::Static)?;
                continue;
            }
            match specifier::parse(&import.specifier) {
                Specifier::Package(_) => self.package(&import.specifier, import.kind, at_start, path, facts)?,
                Specifier::Internal => return Err(format!("{path} imports {:?}", import.specifier)),
                _ => {}
            }
        }
        if facts.acts && at_start {
            self.acted.get_or_insert_with(|| path.to_owned());
        }
        Ok(())
    }

    fn package(
        &mut self,
        specifier: &str,
        kind: ImportKind,
        at_start: bool,
        path: &str,
        facts: &Facts,
    ) -> Result<(), String> {
        let import = LayerImport { specifier: specifier.to_owned(), kind };
        if kind == ImportKind::Static {
            if !at_start {
                return Err(format!("{path}, which is loaded when it is called for, imports {specifier:?}"));
            }
            if let Some(earlier) = self.acted.as_ref().filter(|_| !self.imports.contains(&import)) {
                return Err(format!("{earlier} acts before {specifier:?} is imported"));
            }
            if facts.effects.contains(specifier) && !self.imports.contains(&import) {
                self.effects.push(specifier.to_owned());
            }
        }
        self.imports.insert(import);
        Ok(())
    }

    fn finish(self) -> LayerPlan {
        let (mut first, mut others) = (Vec::new(), Vec::new());
        for specifier in &self.effects {
            first.push(LayerImport { specifier: specifier.clone(), kind: ImportKind::Static });
        }
        for import in self.imports {
            if !first.contains(&import) {
                others.push(import);
            }
        }
        first.append(&mut others);
        LayerPlan::Layer(first)
    }
}

/// What one file does that matters here, known from its syntax.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Specifiers that are imported without a name.
    effects: BTreeSet<String>,
    /// Whether it does something at its top level, or touches what packages can see.
    acts: bool,
    /// What it does that only a whole bundle can have.
    refusal: Option<String>,
}

impl Facts {
    /// Those of a parsed file.
    pub(crate) fn of(program: &Program<'_>, semantic: &Semantic<'_>) -> Self {
        let mut facts = Self { acts: acts(program) || touches_globals(semantic), ..Self::default() };
        for statement in &program.body {
            if let Some(reason) = facts.statement(statement, semantic) {
                facts.refusal.get_or_insert(reason);
            }
        }
        if has_options(semantic) {
            facts.refusal.get_or_insert("imports with attributes".to_owned());
        }
        facts
    }

    /// The reason why it cannot be linked, if there is one.
    fn statement(&mut self, statement: &Statement<'_>, semantic: &Semantic<'_>) -> Option<String> {
        let is_package = |text: &str| matches!(specifier::parse(text), Specifier::Package(_));
        let refused = |what: &str, specifier: &str| Some(format!("{what} {specifier:?}"));
        match statement {
            Statement::ImportDeclaration(import)
                if import.import_kind == ImportOrExportKind::Value && is_package(&import.source.value) =>
            {
                if !is_plain(import) {
                    return refused("imports with attributes", &import.source.value);
                }
                let Some(specifiers) = &import.specifiers else {
                    self.effects.insert(import.source.value.to_string());
                    return None;
                };
                if specifiers.iter().any(|specifier| is_more_than_read(symbol_of(specifier), semantic)) {
                    return refused("exports or assigns what it imports from", &import.source.value);
                }
            }
            Statement::ExportFromDeclaration(export)
                if export.export_kind == ImportOrExportKind::Value && is_package(&export.source.value) =>
            {
                return refused("re-exports from", &export.source.value);
            }
            Statement::ExportAllDeclaration(export)
                if export.export_kind == ImportOrExportKind::Value && is_package(&export.source.value) =>
            {
                return refused("re-exports from", &export.source.value);
            }
            Statement::TSImportEqualsDeclaration(import) if import.import_kind == ImportOrExportKind::Value => {
                if let TSModuleReference::ExternalModuleReference(reference) = &import.module_reference
                    && is_package(&reference.expression.value)
                {
                    return refused("imports by assignment", &reference.expression.value);
                }
            }
            _ => {}
        }
        None
    }
}

fn symbol_of(specifier: &ImportDeclarationSpecifier<'_>) -> SymbolId {
    match specifier {
        ImportDeclarationSpecifier::ImportSpecifier(named) => named.local.symbol_id(),
        ImportDeclarationSpecifier::ImportDefaultSpecifier(default) => default.local.symbol_id(),
        ImportDeclarationSpecifier::ImportNamespaceSpecifier(all) => all.local.symbol_id(),
    }
}

/// Whether an imported name is exported again or assigned to.
fn is_more_than_read(symbol: SymbolId, semantic: &Semantic<'_>) -> bool {
    semantic.scoping().get_resolved_references(symbol).filter(|reference| reference.is_value()).any(|reference| {
        reference.is_write() || matches!(semantic.nodes().parent_kind(reference.node_id()), AstKind::ExportSpecifier(_))
    })
}

/// Whether a module does something when it is evaluated, beside declaring.
fn acts(program: &Program<'_>) -> bool {
    program.body.iter().any(|statement| {
        !matches!(
            statement,
            Statement::ImportDeclaration(_)
                | Statement::ExportAllDeclaration(_)
                | Statement::ExportFromDeclaration(_)
                | Statement::ExportNamedDeclaration(_)
                | Statement::ExportDefaultDeclaration(_)
                | Statement::ExportDeclaration(_)
                | Statement::VariableDeclaration(_)
                | Statement::FunctionDeclaration(_)
                | Statement::ClassDeclaration(_)
                | Statement::TSTypeAliasDeclaration(_)
                | Statement::TSInterfaceDeclaration(_)
                | Statement::TSEnumDeclaration(_)
                | Statement::TSExternalModuleDeclaration(_)
                | Statement::TSGlobalDeclaration(_)
                | Statement::EmptyStatement(_)
        )
    })
}

/// Names that lead to everything.
const ROOTS: [&str; 4] = ["globalThis", "global", "self", "process"];

/// Whether a module names the global object, or assigns to something that it has not made.
fn touches_globals(semantic: &Semantic<'_>) -> bool {
    let unresolved = semantic.scoping().root_unresolved_references();
    let assigns = || {
        semantic.nodes().iter().any(|node| match node.kind() {
            AstKind::AssignmentExpression(assignment) => {
                assignment.left.as_member_expression().is_some_and(|target| is_foreign(target.object(), semantic))
            }
            _ => false,
        })
    };
    ROOTS.iter().any(|root| unresolved.contains_key(*root)) || assigns()
}

/// Whether an object is, or hangs on, a global that is not the module's own.
fn is_foreign(object: &Expression<'_>, semantic: &Semantic<'_>) -> bool {
    let mut at = object;
    while let Some(member) = at.as_member_expression() {
        at = member.object();
    }
    match at {
        Expression::Identifier(name) => {
            semantic.is_reference_to_global_variable(name) && name.name != "module" && name.name != "exports"
        }
        _ => false,
    }
}

/// Whether some `import(…)` is told more than the specifier, which has no place in a layer.
fn has_options(semantic: &Semantic<'_>) -> bool {
    semantic.nodes().iter().any(|node| match node.kind() {
        AstKind::ImportExpression(import) => import.options.is_some() || import.phase.is_some(),
        _ => false,
    })
}

/// Whether an import says no more than that a JSON file is JSON.
fn is_plain(import: &ImportDeclaration<'_>) -> bool {
    let is_json = |attribute: &ImportAttribute<'_>| {
        let is_type = match &attribute.key {
            ImportAttributeKey::Identifier(name) => name.name == "type",
            ImportAttributeKey::StringLiteral(name) => name.value == "type",
        };
        is_type && attribute.value.value == "json"
    };
    import.phase.is_none() && import.with_clause.as_ref().is_none_or(|clause| clause.with_entries.iter().all(is_json))
}

#[cfg(test)]
#[path = "layer_plan_tests.rs"]
mod tests;
