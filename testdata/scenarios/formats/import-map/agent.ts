import core from "core"; import a from "lib/a.ts"; import mapped from "./old.ts"; import scoped from "./test/one.ts"; import outer from "name";
export default () => [core.version ?? core, a, mapped, scoped, outer];
