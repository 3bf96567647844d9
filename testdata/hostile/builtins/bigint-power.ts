export default () => 3n ** 500_000_000n > 0n;
