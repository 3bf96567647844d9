//! How deeply a source nests. Parser, transformer and engine walk syntax trees by recursion, so a source beyond a bound
//! is refused by name before the engine's stack is full.
//!
//! A source that is so deep that it cannot even be parsed fills the stack here; `whereabouts` names it then.

use oxc::{
    allocator::Allocator,
    ast::{
        AstKind,
        ast::{BindingPattern, Expression, JSXChild, Program, Statement, TSType},
    },
    ast_visit::{Visit, walk},
    span::GetSpan,
};

use crate::source::{self, SyntaxError};

/// Nodes of the syntax tree above one another. The engine was seen to manage twice as many of every kind on its stacks
/// (debug build); V8's own parser gives up at some seven thousand brackets.
pub(crate) const MOST: usize = 12_000;
/// The code of a diagnostic about a source that is deeper.
pub(crate) const CODE: &str = "source-too-deep";
/// A shorter source is never too deep.
const SHORT_BYTES: usize = 16 << 10;
/// More open brackets than source code has, those in its texts included.
const MANY_BRACKETS: usize = 500;
/// A statement that is longer may be a chain of operators, each of which nests the one before.
const LONG_STATEMENT_BYTES: usize = 32 << 10;

/// Whether a package's source is too deep. Looks at the text first, so that few sources are parsed once more.
pub(crate) fn check(text: &str, path: &str) -> Option<SyntaxError> {
    if !may_be_deep(text) {
        return None;
    }
    let allocator = Allocator::default();
    let (program, errors) = source::parse(&allocator, text, path);
    // What cannot be parsed is the engine's to report.
    if errors.is_empty() { too_deep(&program) } else { None }
}

/// Whether a parsed source is too deep, and where it becomes so.
pub(crate) fn too_deep(program: &Program<'_>) -> Option<SyntaxError> {
    let mut depth = Depth::default();
    depth.visit_program(program);
    let offset = usize::try_from(depth.exceeded?).unwrap_or(0);
    let message = format!("the source nests more than {MOST} levels of syntax deep");
    Some(SyntaxError { message, offset, code: CODE })
}

fn may_be_deep(text: &str) -> bool {
    if text.len() < SHORT_BYTES {
        return false;
    }
    let (mut open, mut statement) = (0_usize, 0_usize);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => {
                open += 1;
                if open > MANY_BRACKETS {
                    return true;
                }
            }
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            b';' => {
                if index - statement > LONG_STATEMENT_BYTES {
                    return true;
                }
                statement = index;
            }
            _ => {}
        }
    }
    text.len() - statement > LONG_STATEMENT_BYTES
}

#[derive(Default)]
struct Depth {
    depth: usize,
    /// Where the first node beyond the bound starts.
    exceeded: Option<u32>,
}

impl<'a> Visit<'a> for Depth {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        self.depth += 1;
        if self.depth > MOST && self.exceeded.is_none() {
            self.exceeded = Some(kind.span().start);
        }
    }

    fn leave_node(&mut self, _kind: AstKind<'a>) {
        self.depth -= 1;
    }

    // Whatever recurs comes through one of these; they end the walk.
    fn visit_expression(&mut self, expression: &Expression<'a>) {
        if self.exceeded.is_none() {
            walk::walk_expression(self, expression);
        }
    }

    fn visit_statement(&mut self, statement: &Statement<'a>) {
        if self.exceeded.is_none() {
            walk::walk_statement(self, statement);
        }
    }

    fn visit_binding_pattern(&mut self, pattern: &BindingPattern<'a>) {
        if self.exceeded.is_none() {
            walk::walk_binding_pattern(self, pattern);
        }
    }

    fn visit_ts_type(&mut self, kind: &TSType<'a>) {
        if self.exceeded.is_none() {
            walk::walk_ts_type(self, kind);
        }
    }

    fn visit_jsx_child(&mut self, child: &JSXChild<'a>) {
        if self.exceeded.is_none() {
            walk::walk_jsx_child(self, child);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_too_deep(text: &str) -> bool {
        check(text, "a.js").is_some()
    }

    #[test]
    fn chains_and_brackets_count() {
        // On a stack such as a worker's.
        std::thread::Builder::new().stack_size(32 << 20).spawn(check_all).unwrap().join().unwrap();
    }

    fn check_all() {
        assert!(is_too_deep(&format!("export default 1{}", "+1".repeat(20_000))));
        assert!(is_too_deep(&format!("export default a{}", ".a".repeat(20_000))));
        assert!(is_too_deep(&format!("{}{{}}", "if(1){}else ".repeat(MOST))));
        assert!(!is_too_deep(&format!("export default 1{}", "+1".repeat(MOST / 2))));
        assert!(!is_too_deep(&format!("export default [{}]", "1,".repeat(50_000))));
        assert!(!is_too_deep(&"x = '((((((((((';\n".repeat(5_000)));
    }
}
