// Never the same answer twice.
export default () => Array.from({ length: 2_000_000 }, (_, index) => index).sort(() => Math.random() - 0.5).sort(() => 1).length;
