//! Branches that `process.env.NODE_ENV`, which is "production" here, never takes: packages keep their development builds
//! behind them.

use oxc::{
    ast::{
        AstKind,
        ast::{BinaryExpression, Expression},
    },
    semantic::{NodeId, Semantic},
    span::GetSpan,
    syntax::operator::BinaryOperator,
};

const VALUE: &str = "production";

/// Whether a node stands in a branch that is not taken, within its function.
pub(crate) fn is_dead(node: NodeId, semantic: &Semantic<'_>) -> bool {
    let nodes = semantic.nodes();
    let mut span = nodes.kind(node).span();
    for kind in nodes.ancestor_kinds(node) {
        let branches = match kind {
            AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) => return false,
            AstKind::IfStatement(statement) => {
                Some((&statement.test, statement.consequent.span(), statement.alternate.as_ref().map(GetSpan::span)))
            }
            AstKind::ConditionalExpression(expression) => {
                Some((&expression.test, expression.consequent.span(), Some(expression.alternate.span())))
            }
            _ => None,
        };
        if let Some((test, consequent, alternate)) = branches {
            match outcome(test, semantic) {
                Some(true) if alternate == Some(span) => return true,
                Some(false) if consequent == span => return true,
                Some(_) | None => {}
            }
        }
        span = kind.span();
    }
    false
}

/// What a test of the variable comes to, when it is one.
fn outcome(test: &Expression<'_>, semantic: &Semantic<'_>) -> Option<bool> {
    let Expression::BinaryExpression(comparison) = test.without_parentheses() else { return None };
    let equal = match comparison.operator {
        BinaryOperator::Equality | BinaryOperator::StrictEquality => true,
        BinaryOperator::Inequality | BinaryOperator::StrictInequality => false,
        _ => return None,
    };
    let literal = compared(comparison, semantic)?;
    Some((literal == VALUE) == equal)
}

/// The text that the variable is compared with.
fn compared<'a>(comparison: &BinaryExpression<'a>, semantic: &Semantic<'_>) -> Option<&'a str> {
    match (comparison.left.without_parentheses(), comparison.right.without_parentheses()) {
        (Expression::StringLiteral(literal), variable) | (variable, Expression::StringLiteral(literal))
            if is_variable(variable, semantic) =>
        {
            Some(literal.value.as_str())
        }
        _ => None,
    }
}

/// `process.env.NODE_ENV`, where `process` is nobody's variable.
fn is_variable(expression: &Expression<'_>, semantic: &Semantic<'_>) -> bool {
    let Expression::StaticMemberExpression(name) = expression else { return false };
    let Expression::StaticMemberExpression(environment) = &name.object else { return false };
    let Expression::Identifier(process) = &environment.object else { return false };
    name.property.name == "NODE_ENV"
        && environment.property.name == "env"
        && process.name == "process"
        && semantic.is_reference_to_global_variable(process)
}
