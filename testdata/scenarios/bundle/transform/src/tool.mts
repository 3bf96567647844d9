export type Tool = string;
export const tool: Tool = "tool";
