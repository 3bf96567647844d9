import { one } from '../../one.ts';
export const up = `up ${one}`;
