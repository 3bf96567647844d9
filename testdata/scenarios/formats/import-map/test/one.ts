export { default } from "name";
