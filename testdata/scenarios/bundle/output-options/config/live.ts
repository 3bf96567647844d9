export { stage as default } from "./stage";
