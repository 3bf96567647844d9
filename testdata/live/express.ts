// Not listening: an application that is called with a request and a response of its own making.
import express from 'npm:express@4.21.2';
import { EventEmitter } from 'node:events';

export default () =>
  new Promise((resolve) => {
    const app = express();
    app.use((request: any, _response: any, next: () => void) => {
      request.stamp = 'middleware';
      next();
    });
    app.get('/hello/:name', (request: any, response: any) => response.status(202).json({ hello: request.params.name, q: request.query.q, stamp: request.stamp }));
    const request: any = Object.assign(new EventEmitter(), { method: 'GET', url: '/hello/ada?q=1', headers: {}, socket: {}, connection: {} });
    const headers: Record<string, unknown> = {};
    const response: any = Object.assign(new EventEmitter(), {
      setHeader: (name: string, value: unknown) => (headers[name.toLowerCase()] = value),
      getHeader: (name: string) => headers[name.toLowerCase()],
      removeHeader: (name: string) => delete headers[name.toLowerCase()],
      end: (body: Buffer | string) => resolve({ status: response.statusCode, body: String(body), type: headers['content-type'] }),
    });
    app(request, response);
  });
