//! Replacements in a module's text: found on its syntax tree, made without new lines, with a map back.

use oxc::{ast::ast::Program, span::Span};
use oxc_sourcemap::SourceMap;
use string_wizard::{Hires, MagicString, SourceMapOptions};

/// A module's text, changed, and the map back.
#[derive(Debug)]
pub(crate) struct Rewritten {
    pub(crate) code: String,
    pub(crate) map: SourceMap<'static>,
}

/// The replacements that are wanted.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    replacements: Vec<(Span, String)>,
    /// What goes around a part of the text, outer parts first.
    wraps: Vec<(Span, String, String)>,
    /// Declarations to stand before the first statement.
    pub(crate) prelude: String,
    /// Declarations to stand behind the last one.
    pub(crate) postlude: String,
}

impl Edits {
    /// Puts `text` where `span` is.
    pub(crate) fn replace(&mut self, span: Span, text: String) {
        self.replacements.push((span, text));
    }

    /// Puts text on both sides of `span`, inside of what was wrapped there before.
    pub(crate) fn wrap(&mut self, span: Span, before: String, after: String) {
        self.wraps.push((span, before, after));
    }

    /// Makes the replacements in the text of the module at `path`; `None` when there are none.
    pub(crate) fn apply(mut self, text: &str, path: &str, program: &Program<'_>) -> Option<Rewritten> {
        let is_empty = self.replacements.is_empty() && self.wraps.is_empty();
        if is_empty && self.prelude.is_empty() && self.postlude.is_empty() {
            return None;
        }
        // One inside of another is part of what that one throws away.
        self.replacements.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
        let mut magic = MagicString::new(text);
        let mut end = 0;
        for (span, replacement) in self.replacements {
            if span.start < end {
                continue;
            }
            end = span.end;
            magic.update(span.start, span.end, replacement).ok()?;
        }
        for (span, before, after) in self.wraps {
            // In a part that is thrown away there is nothing to go around.
            if magic.append_left(span.start, before).is_ok() {
                magic.prepend_left(span.end, after).ok()?;
            }
        }
        if !self.prelude.is_empty() {
            // A directive may lack its semicolon.
            let prelude = format!(";{}", self.prelude);
            match prelude_offset(program) {
                0 => {
                    magic.prepend(prelude);
                }
                offset => {
                    magic.append_left(offset, prelude).ok()?;
                }
            }
        }
        if !self.postlude.is_empty() {
            // The last line may be a comment, and its statement may lack its semicolon.
            magic.append(format!("\n;{}", self.postlude));
        }
        let map =
            magic.source_map(SourceMapOptions { include_content: true, source: path.into(), hires: Hires::Boundary });
        Some(Rewritten { code: magic.to_string(), map })
    }
}

/// Behind the directives, or behind the line of a hashbang.
fn prelude_offset(program: &Program<'_>) -> u32 {
    if let Some(directive) = program.directives.last() {
        return directive.span.end;
    }
    match &program.hashbang {
        None => 0,
        Some(hashbang) => {
            let end = hashbang.span.end;
            let rest = program.source_text.get(end as usize..).unwrap_or_default();
            let line_end = if rest.starts_with("\r\n") { 2 } else { u32::from(!rest.is_empty()) };
            end + line_end
        }
    }
}
