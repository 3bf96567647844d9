import { fast } from 'wraps-native';
export default fast;
