import stage from "virtual:config"; import callable from "callable";
export default (input: { a: { b?: string } | null }) => [stage, input.a?.b ?? "none", callable];
