import './register.js';
import { registered } from './registry.js';
export const count = () => registered.length;
