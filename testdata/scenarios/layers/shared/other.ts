import { next } from "counter";
import "throws/package.json";
enum Twice { Yes = 2 }
export default (factor: number) => next() * Twice.Yes * factor;
