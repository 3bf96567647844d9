import callable from "callable"; import describe from "dual"; import { join } from "node:path"; import data from "./data.json";
export default (name: string) => [callable(name), describe(), join("a", "b"), data];
