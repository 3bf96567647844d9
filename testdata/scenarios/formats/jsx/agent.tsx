const h = (type: string, _: null, child: string) => ["h", type, child], g = (type: string, _: null, child: string) => ["g", type, child];
void [h, g];
export default <p>x</p>;
