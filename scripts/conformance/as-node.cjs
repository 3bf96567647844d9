// Loaded before npm: npm chooses versions by the engines that they ask for, so it is to see the version of Node that
// hoist's programs see.
Object.defineProperty(process, 'version', { value: process.env.CONFORMANCE_NODE_VERSION });
