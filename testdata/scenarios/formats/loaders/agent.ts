import text from "./a.txt"; import md from "./a.md"; import html from "./a.html"; import css from "./a.css";
import json from "./a.json"; import asText from "./a.json" with { type: "text" }; import asBytes from "./a.json" with { type: "bytes" };
import svg from "./a.svg"; import bin from "./a.bin"; import b64 from "./a.b64"; import * as empty from "./x.module.css"; import foo from "./a.foo";
import yaml from "./b.yaml" with { type: "text" };
export { default as again } from "./a.json" with { type: "text" };
import * as self from "./agent.ts";
const later = await import("./a.json", { with: { type: "text" } });
const required = require("./a.txt");
export default () => ({
  text: [text, md, html, css], json, asText, asBytes: [asBytes.length, asBytes[0]], svg, bin: [...bin], b64, empty: { ...empty.default }, foo, yaml,
  later: later.default, again: self.again, isBytes: asBytes instanceof Uint8Array, required: required.default ?? required,
});
