const h = (type, _, child) => ["h", type, child], F = "fragment";
export default <>x</>;
