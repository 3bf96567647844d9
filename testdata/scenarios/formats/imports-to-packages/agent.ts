import { kind } from "#dual"; import { join } from "#path"; import * as any from "#any/callable";
export default () => [kind, join("/a", "../b"), typeof any.default];
