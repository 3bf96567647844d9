import value from 'wraps-missing-import';
export default value;
