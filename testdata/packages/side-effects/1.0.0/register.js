import { registered } from './registry.js';
registered.push('locale');
