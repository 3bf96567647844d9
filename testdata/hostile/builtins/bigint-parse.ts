export default () => BigInt('7'.repeat(30_000_000)) > 0n;
