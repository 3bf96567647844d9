import { join } from "node:path";
import { spawn } from "child_process";
void join;
export default () => typeof spawn;
