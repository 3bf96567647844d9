export default "outer";
