import { create, all } from 'npm:mathjs@14.0.1';

const math = create(all, { number: 'BigNumber', precision: 40 });

export default () => ({
  expression: math.evaluate('2 inch to cm').toString(),
  third: math.evaluate('1/3').toString(),
  determinant: math.det([[2, 1], [5, 3]]).toString(),
  derivative: math.derivative('x^3 + sin(x)', 'x').toString(),
  simplified: math.simplify('2x + 3x').toString(),
  complex: math.sqrt(math.complex(-4, 0)).toString(),
});
