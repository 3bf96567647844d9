export default () => Promise.reject(null);
