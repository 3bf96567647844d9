import { createServer } from 'node:http';
const server = createServer((_, response) => response.end('served'));
export const value = typeof server.listen;
