import css from "./a.css" with { type: "css" };
export default css;
