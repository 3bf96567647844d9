//! What is wrong with a program, said for somebody who cannot see it: where, in which package, who led there, what to do.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Source lines shown above and below the one that is meant.
const CONTEXT_LINES: usize = 2;
/// A line of a minified file is cut to this many characters around the place.
const FRAME_WIDTH: usize = 120;

/// One thing that is wrong with the program or with one of its packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The stable identifier, for instance `unresolved-import`.
    pub code: String,
    /// What is wrong, in a lower-case fragment.
    pub message: String,
    /// The package it is about, `name@version` or a bare name when it is not installed.
    pub package: Option<String>,
    /// The file, `src/agent.ts` or `zod@3.25.1/lib/index.js`.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The column, from 1, in UTF-16 units.
    pub column: Option<u32>,
    /// The lines around the place, with a marker.
    pub frame: Option<String>,
    /// Who imported whom, from the program down to the file: local files, then packages as `name@version`.
    pub chain: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            package: None,
            file: None,
            line: None,
            column: None,
            frame: None,
            chain: Vec::new(),
            hint: None,
        }
    }

    pub(crate) fn package(mut self, package: Option<String>) -> Self {
        self.package = package;
        self
    }

    pub(crate) fn file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn chain(mut self, chain: Vec<String>) -> Self {
        self.chain = chain;
        self
    }

    /// What diagnostics are ordered by.
    pub(crate) fn place(&self) -> (Option<&str>, Option<u32>, Option<u32>, &str) {
        (self.file.as_deref(), self.line, self.column, &self.message)
    }

    /// Places the diagnostic at a byte offset of its source.
    pub(crate) fn at_offset(self, source: &str, offset: usize) -> Self {
        let mut offset = offset.min(source.len());
        while !source.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &source[..offset];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before[start..].encode_utf16().count() + 1;
        self.at(source, line, column)
    }

    /// Places the diagnostic at a line and a UTF-16 column, both from 1.
    pub(crate) fn at(mut self, source: &str, line: usize, column: usize) -> Self {
        self.line = u32::try_from(line).ok();
        self.column = u32::try_from(column).ok();
        self.frame = frame(source, line, column);
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            formatter.write_str(file)?;
            if let (Some(line), Some(column)) = (self.line, self.column) {
                write!(formatter, ":{line}:{column}")?;
            }
            formatter.write_str(": ")?;
        }
        formatter.write_str(&self.message)
    }
}

fn frame(source: &str, line: usize, column: usize) -> Option<String> {
    let first = line.saturating_sub(CONTEXT_LINES + 1);
    let digits = (line + CONTEXT_LINES).to_string().len();
    let mut frame = String::new();
    let mut found = false;
    for (index, text) in source.lines().enumerate().skip(first).take(2 * CONTEXT_LINES + 1) {
        let number = index + 1;
        if number > line + CONTEXT_LINES {
            break;
        }
        let text = text.replace('\t', " ");
        let (shown, marker) = window(&text, if number == line { column } else { 1 });
        let sign = if number == line { '>' } else { ' ' };
        frame.push_str(format!("{sign} {number:>digits$} | {shown}").trim_end());
        frame.push('\n');
        if number == line {
            found = true;
            frame.push_str(&format!("  {:>digits$} | {}^\n", "", " ".repeat(marker)));
        }
    }
    found.then_some(frame)
}

/// The part of a line around a UTF-16 column, and how many characters stand before the column in it.
fn window(text: &str, column: usize) -> (String, usize) {
    let mut units = 1;
    let mut position = 0;
    for character in text.chars() {
        if units >= column {
            break;
        }
        units += character.len_utf16();
        position += 1;
    }
    let length = text.chars().count();
    if length <= FRAME_WIDTH {
        return (text.to_owned(), position);
    }
    let start = position.saturating_sub(FRAME_WIDTH / 2);
    (text.chars().skip(start).take(FRAME_WIDTH).collect(), position - start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_points_at_the_place() {
        let source = "a\nb\nimport x from 'y'\nc\nd\ne";
        let diagnostic = Diagnostic::new("code", "message").file("f.js").at_offset(source, 18);
        assert_eq!((diagnostic.line, diagnostic.column), (Some(3), Some(15)));
        assert_eq!(
            diagnostic.frame.as_deref(),
            Some("  1 | a\n  2 | b\n> 3 | import x from 'y'\n    |               ^\n  4 | c\n  5 | d\n")
        );
        assert_eq!(diagnostic.to_string(), "f.js:3:15: message");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let source = format!("{}HERE{}", "x".repeat(5_000), "y".repeat(5_000));
        let frame = Diagnostic::new("c", "m").at_offset(&source, 5_000).frame.unwrap();
        let mut lines = frame.lines();
        let (text, marker) = (lines.next().unwrap(), lines.next().unwrap());
        assert!(text.len() < 140);
        assert_eq!(text.find("HERE"), marker.find('^'));
    }
}
