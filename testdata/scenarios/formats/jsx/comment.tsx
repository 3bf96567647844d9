/** @jsx k */
const k = (type: string, _: null, child: string) => ["k", type, child];
export default <p>x</p>;
