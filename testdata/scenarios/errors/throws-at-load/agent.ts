const table: Record<string, number> = {};

table.missing.toFixed();
export default 1;
