declare const DEBUG: boolean;
if (DEBUG) console.log("only-when-debugging");
export default [DEBUG, process.env.STAGE];
