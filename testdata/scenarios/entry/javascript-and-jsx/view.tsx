/** @jsxRuntime classic */
/** @jsx h */
function h(tag: string, _properties: unknown, children: string) {
  return { tag, children };
}
export default () => <p>hello</p>;
