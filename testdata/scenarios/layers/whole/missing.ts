import { nothing } from 'live-binding';
export default nothing;
