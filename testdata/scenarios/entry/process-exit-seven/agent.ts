setTimeout(() => (globalThis as any).process.exit(7), 1);
export default () => new Promise((resolve) => setTimeout(resolve, 60000));
