const loop: any = { name: 'loop' };
loop.self = loop;
export default () => loop;
