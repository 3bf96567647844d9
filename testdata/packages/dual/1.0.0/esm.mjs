export const kind = 'esm';
export default function describe() {
  return `dual as ${kind}`;
}
