import a from "@/a"; import b from "@/deep/b.js"; import index from "@/folder"; import base from "lib/base"; import exact from "exact"; import dual from "dual";
export default () => [a, b, index, base, exact, typeof dual !== "undefined"];
