import thing from 'https://example.invalid/thing.js';
export default thing;
