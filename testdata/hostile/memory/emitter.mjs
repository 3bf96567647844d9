import { EventEmitter } from 'node:events';

export default () => {
  const emitter = new EventEmitter().setMaxListeners(0);
  for (let number = 0; ; number++) emitter.on(`event ${number}`, () => number);
};
