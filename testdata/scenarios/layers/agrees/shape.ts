import { count } from 'live-binding';

export interface Shape {
  count: number;
}

export const describe = (shape: Shape) => `${shape.count} of ${count}`;
