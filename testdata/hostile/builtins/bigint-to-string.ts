export default () => ((1n << 300_000_000n) - 1n).toString(7).length;
