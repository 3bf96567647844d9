export default () => ({ tiny: 1e-7, big: 2 ** 70, exact: 0.1 + 0.2, list: [1.0, 2.50] });
