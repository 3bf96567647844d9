import { speed } from 'optional-native';
export default speed;
