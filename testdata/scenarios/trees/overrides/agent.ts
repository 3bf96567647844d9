import { inner } from 'uses-old-major';
export default inner;
