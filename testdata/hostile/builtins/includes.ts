// Array's own methods on something that only says how long it is.
export default () => Array.prototype.includes.call({ length: Number.MAX_SAFE_INTEGER }, 1);
