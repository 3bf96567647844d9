//! The dependency layer: the packages that a program imports as one module of their own, bundled once per graph, list of
//! imports and options, and shared by every program that has the same.
//!
//! A layer exports `$0`, `$1`, … in the order of its imports: a namespace for what is imported by a statement, a function
//! for what is imported or required when it is called for. It serves exactly these.

use std::collections::{BTreeMap, BTreeSet};

use oxc::{
    allocator::Allocator,
    ast::ast::{Argument, Expression, ObjectPropertyKind, Program, Statement},
};
use serde::{Deserialize, Serialize};

use crate::{bundle::Bundle, own_paths, scan::ImportKind, source};

/// What a program's code imports its layer as.
pub const LAYER_SPECIFIER: &str = "hoist:layer";

/// One import that a layer serves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LayerImport {
    /// As the root's `node_modules` has it: `zod/v4`.
    pub specifier: String,
    /// Whether it is there when the program starts, or when it is called for.
    pub kind: ImportKind,
}

/// Whether a program can be linked to a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayerPlan {
    /// With these imports, their specifiers as the program writes them, in the order in which the layer evaluates them.
    Layer(Vec<LayerImport>),
    /// It cannot mean the same; the program is bundled as a whole.
    Whole {
        /// Why, for people.
        reason: String,
    },
}

/// A layer as it is kept.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The module.
    pub bundle: Bundle,
    /// For each of its imports the names that it exports, when they are all known: an ES module's are.
    pub exports: Vec<Option<BTreeSet<String>>>,
}

/// What user code must know of a layer to be linked to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LayerInterface {
    /// The program's imports, as it writes them, each with its number in the layer.
    pub imports: Vec<(LayerImport, usize)>,
    /// By these numbers, the exported names where they are known.
    pub exports: Vec<Option<BTreeSet<String>>>,
}

/// The name of an import's export.
pub(crate) fn export_name(index: usize) -> String {
    format!("${index}")
}

/// The source of a layer's own module, which imports what it serves and exports it.
pub(crate) fn entry_source(imports: &[LayerImport]) -> String {
    let mut source = String::new();
    let mut names = Vec::with_capacity(imports.len());
    for (index, import) in imports.iter().enumerate() {
        let name = export_name(index);
        let specifier = own_paths::quote(&import.specifier);
        source.push_str(&match import.kind {
            ImportKind::Static => format!("import * as {name} from {specifier};\n"),
            ImportKind::Dynamic => format!("const {name} = () => import({specifier});\n"),
            ImportKind::Require => format!("const {name} = () => require({specifier});\n"),
        });
        names.push(name);
    }
    source.push_str(&format!("export {{ {} }};\n", names.join(", ")));
    source
}

/// The names that each namespace of a layer has, read from its code: the engine defines an ES module's namespace by one
/// call with all its getters. A namespace that is made in another way, or that something is added to, has unknown names.
pub(crate) fn exports_of(code: &str, imports: &[LayerImport]) -> Vec<Option<BTreeSet<String>>> {
    let allocator = Allocator::default();
    let (program, errors) = source::parse(&allocator, code, "layer.js");
    if !errors.is_empty() {
        return vec![None; imports.len()];
    }
    let namespaces = namespaces(&program);
    let locals = exported_locals(&program);
    imports
        .iter()
        .enumerate()
        .map(|(index, import)| match import.kind {
            ImportKind::Static => {
                let local = locals.get(export_name(index).as_str())?;
                namespaces.get(local).cloned().flatten()
            }
            ImportKind::Dynamic | ImportKind::Require => None,
        })
        .collect()
}

/// The variables that a module's own `export { … }` exports, by the exported name.
fn exported_locals<'a>(program: &Program<'a>) -> BTreeMap<&'a str, &'a str> {
    let mut locals = BTreeMap::new();
    for statement in &program.body {
        if let Statement::ExportNamedDeclaration(export) = statement {
            for specifier in &export.specifiers {
                locals.insert(specifier.exported.name().as_str(), specifier.local.name().as_str());
            }
        }
    }
    locals
}

/// The top-level variables that hold a namespace made by one call, with its names; none for those that grow.
fn namespaces<'a>(program: &Program<'a>) -> BTreeMap<&'a str, Option<BTreeSet<String>>> {
    let mut found: BTreeMap<&str, Option<BTreeSet<String>>> = BTreeMap::new();
    for statement in &program.body {
        match statement {
            Statement::VariableDeclaration(declaration) => {
                for declarator in &declaration.declarations {
                    let name = declarator.id.get_identifier_name();
                    if let (Some(name), Some(Expression::CallExpression(call))) = (name, &declarator.init)
                        && is_named(&call.callee, "__exportAll")
                    {
                        found.insert(name.as_str(), names_of(&call.arguments));
                    }
                }
            }
            Statement::ExpressionStatement(statement) => {
                if let Expression::CallExpression(call) = &statement.expression
                    && is_named(&call.callee, "__reExport")
                    && let Some(Argument::Identifier(grown)) = call.arguments.first()
                {
                    found.insert(grown.name.as_str(), None);
                }
            }
            _ => {}
        }
    }
    found
}

fn is_named(callee: &Expression<'_>, helper: &str) -> bool {
    matches!(callee, Expression::Identifier(name) if name.name.split('$').next() == Some(helper))
}

fn names_of(arguments: &[Argument<'_>]) -> Option<BTreeSet<String>> {
    let Some(Argument::ObjectExpression(getters)) = arguments.first() else { return None };
    getters
        .properties
        .iter()
        .map(|property| match property {
            ObjectPropertyKind::ObjectProperty(property) => property.key.static_name().map(|name| name.to_string()),
            ObjectPropertyKind::SpreadProperty(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(specifier: &str, kind: ImportKind) -> LayerImport {
        LayerImport { specifier: specifier.to_owned(), kind }
    }

    #[test]
    fn sources() {
        let imports = [import("a", ImportKind::Static), import("b/c", ImportKind::Dynamic)];
        let source = "import * as $0 from \"a\";\nconst $1 = () => import(\"b/c\");\nexport { $0, $1 };\n";
        assert_eq!(entry_source(&imports), source);
    }

    #[test]
    fn names() {
        let code = "var a_exports = /* @__PURE__ */ __exportAll({ default: () => x, 'b-c': () => y });\n\
            var d_exports = __exportAll({ e: () => e });\n__reExport(d_exports, import_f);\n\
            var import_g = __toESM(require_g(), 1);\nexport { a_exports as $0, d_exports as $1, import_g as $2 };";
        let imports = ["a", "d", "g"].map(|specifier| import(specifier, ImportKind::Static));
        let known = BTreeSet::from(["default".to_owned(), "b-c".to_owned()]);
        assert_eq!(exports_of(code, &imports), [Some(known), None, None]);
    }
}
