import values from 'wasm-modules';
export default values;
