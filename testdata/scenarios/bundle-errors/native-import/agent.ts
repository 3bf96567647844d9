import { fast } from 'wraps-native-import';
export default fast;
